"""The list of keys: its columns, their order, and their facts, asked for once a page."""

from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from proxyapp.admin.keys.facts import KeyFacts, LastDay, facts, facts_of, first_hour
from proxyapp.admin.parts.badges import state_badge
from proxyapp.admin.parts.cells import NEVER, ago, counted, rate, short_time, until
from proxyapp.admin.parts.svg_charts import sparkline
from proxyapp.admin.parts.unfold_typed import ChangeList
from proxyapp.models import ApiKey, HourlyUsage, RateLimitEvent
from proxyapp.provider.kinds import label_of
from proxyapp.vocabulary.choices import KeyStatus

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A row stays a few lines high; the key's page has the rest.
MODELS_SHOWN = 3
# About a line of the list; the rest is in the title.
REASON_CHARACTERS = 90
LOST = format_html(' <span class="state-detail">{}</span>', "not used: SECRET_KEY does not open it")


class KeyChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Gives each key of the page its facts; those that were deleted meanwhile go."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count
        keys = list(self.result_list)
        found = facts_of([key.pk for key in keys], timezone.now())
        self.result_list = [key for key in keys if key.pk in found]
        for key in self.result_list:
            key.__dict__["facts"] = found[key.pk]

    def get_ordering_field(self, field_name: Any) -> Any:
        """Columns made of other tables are sorted by subqueries; only these pages pay for them."""
        order = super().get_ordering_field(field_name)
        return self._orders.get(order, order) if isinstance(order, str) else order

    @cached_property
    def _orders(self) -> dict[str, Combinable]:
        """Made once: the theme asks for them in each row."""
        usage = HourlyUsage.objects.filter(key=OuterRef("pk")).order_by()
        events = RateLimitEvent.objects.filter(key=OuterRef("pk")).order_by("-occurred_at")
        return {
            "order:last_day": _total(
                usage.filter(hour__gte=first_hour(timezone.now())), "requests"
            ),
            "order:last_event": _never_first(Subquery(events.values("occurred_at")[:1])),
            "order:used": _never_first(F("last_used_at")),
        }


def _total(rows: QuerySet[Any], column: str) -> Coalesce:
    return Coalesce(Subquery(rows.values("key").annotate(total=Sum(column)).values("total")), 0)


def _never_first(moment: Combinable) -> Coalesce:
    """Databases do not agree on where nothing goes."""
    return Coalesce(moment, Value(EPOCH, output_field=DateTimeField()))


# Columns.


@admin.display(description="key", ordering="name")
def label(key: ApiKey) -> SafeString:
    found = facts(key)
    lost = LOST if found and found.row.is_lost else ""
    if not key.name:
        return format_html('<span class="key-masked">{}</span>{}', key.masked, lost)
    name = '<span class="key-name">{}</span> <span class="key-masked">({})</span>{}'
    return format_html(name, key.name, key.masked, lost)


@admin.display(ordering="project")
def project(key: ApiKey) -> str:
    return key.project or NEVER


@admin.display(ordering="status")
def state(key: ApiKey) -> SafeString:
    found = facts(key)
    return state_lines(key, found) if found else format_html("{}", NEVER)


@admin.display(description="last 24 h", ordering="order:last_day")
def activity(key: ApiKey) -> SafeString:
    day = day_of(key)
    return sparkline(day.hours, f"{day.requests:,} requests in 24 h")


@admin.display
def requests(key: ApiKey) -> SafeString:
    """Of all time: to sort by it would add up a million rows."""
    found = facts(key)
    if found is None:
        return format_html("{}", NEVER)
    row = found.row
    return format_html(
        '{}<div class="key-refusals"><span>429s: {}</span> <span>errors: {}</span></div>',
        counted("requests", row.requests),
        counted("rate_limited", row.rate_limited),
        counted("errors", row.errors),
    )


@admin.display(description="success")
def success(key: ApiKey) -> SafeString:
    """Of the last day."""
    day = day_of(key)
    title = f"{day.succeeded:,} of {day.requests:,} requests in 24 h"
    return format_html('<span title="{}">{}</span>', title, rate(day.succeeded, day.requests))


@admin.display(description="tokens in / out")
def tokens(key: ApiKey) -> SafeString:
    found = facts(key)
    if found is None:
        return format_html("{}", NEVER)
    row = found.row
    sent, received = (
        counted("tokens_in", row.prompt_tokens),
        counted("tokens_out", row.output_tokens),
    )
    return format_html("<span>{} / {}</span>", sent, received)


@admin.display(description="last error", ordering="order:last_event")
def last_error(key: ApiKey) -> SafeString:
    found = facts(key)
    if found is None or found.event is None:
        return format_html("{}", NEVER)
    url = reverse("admin:proxyapp_ratelimitevent_change", args=[found.event.pk])
    return format_html(
        '<a href="{}">{}</a> {}',
        url,
        label_of(found.event.kind),
        ago(found.event.occurred_at, found.now),
    )


@admin.display(description="last used", ordering="order:used")
def used(key: ApiKey) -> SafeString:
    return format_html('<span data-field="used">{}</span>', short_time(key.last_used_at))


COLUMNS = (label, "group", project, state, activity, requests, success, tokens, last_error, used)


def day_of(key: ApiKey) -> LastDay:
    found = facts(key)
    return found.day if found else LastDay()


def state_lines(key: ApiKey, found: KeyFacts) -> SafeString:
    """The state with what is left of it, then a line for each model that is out (of many only
    some).

    A script writes the same when it changes.
    """
    row = found.row
    whole = next((cooldown for cooldown in row.cooldowns if cooldown.model is None), None)
    parts = [_badge(row.state)]
    if row.state == "cooling" and whole:
        parts.append(
            format_html(' <span class="state-left">{}</span>', until(whole.until, found.now))
        )
        parts.append(_detail(format_html("{}, until {}", whole.reason, short_time(whole.until))))
    if row.state in {KeyStatus.DISABLED, KeyStatus.INVALID}:
        parts += [_detail(_shortened(key.status_reason))] if key.status_reason else []
    else:
        out = models_out(found)
        parts += map(_detail, out[:MODELS_SHOWN])
        if len(out) > MODELS_SHOWN:
            parts.append(_detail(f"and {len(out) - MODELS_SHOWN} more models"))
    return format_html(
        '<span data-field="state">{}</span>',
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def models_out(found: KeyFacts) -> list[SafeString]:
    """A line for each model that is out on its own."""
    return [
        format_html(
            "{} out for {} ({})", cooldown.model, until(cooldown.until, found.now), cooldown.reason
        )
        for cooldown in found.row.cooldowns
        if cooldown.model
    ]


@cache
def _badge(state: str) -> SafeString:
    """There are four: a template for each of 200 keys would take a tenth of a second."""
    return state_badge(state)


def _detail(content: str) -> SafeString:
    return format_html('<span class="state-detail">{}</span>', content)


def _shortened(text: str) -> SafeString:
    if len(text) <= REASON_CHARACTERS:
        return format_html("{}", text)
    return format_html('<span title="{}">{}…</span>', text, text[:REASON_CHARACTERS].rstrip())
