"""The list of keys: its columns, their order, and their facts, asked for once a page."""

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.db.models import (
    DateTimeField,
    F,
    OuterRef,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.keys.facts import LastDay, facts, facts_of
from proxyapp.admin.keys.live_cells import number_cell, state_cell, used_cell
from proxyapp.admin.parts.cells import NEVER, ago, rate
from proxyapp.admin.parts.svg_charts import sparkline
from proxyapp.admin.parts.unfold_typed import ChangeList
from proxyapp.ledger.stamps import last_day
from proxyapp.models import ApiKey, RateLimitEvent
from proxyapp.operators.shown_words import kind_word

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class KeyChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Gives each key of the page its facts; those that were deleted meanwhile go."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count
        # The whole rows of these alone: to put 50,000 in order, the database carries ids.
        ids = list(self.result_list.values_list("pk", flat=True))
        keys = self.model_admin.get_queryset(request).in_bulk(ids)
        found = facts_of(ids, timezone.now())
        self.result_list = [keys[pk] for pk in ids if pk in found and pk in keys]
        for key in self.result_list:
            key.__dict__["facts"] = found[key.pk]

    def get_ordering_field(self, field_name: Any) -> Any:
        """Columns made of other tables are sorted by subqueries; only these pages pay for them."""
        order = super().get_ordering_field(field_name)
        return self._orders.get(order, order) if isinstance(order, str) else order

    @cached_property
    def _orders(self) -> dict[str, Combinable]:
        """Made once: the theme asks for them in each row."""
        events = RateLimitEvent.objects.filter(key=OuterRef("pk")).order_by("-occurred_at")
        return {
            "order:last_day": Coalesce(last_day("total__", timezone.now()), 0),
            "order:last_event": _never_first(Subquery(events.values("occurred_at")[:1])),
            "order:used": _never_first(F("last_used_at")),
            "order:requests": Coalesce(F("total__requests"), 0),
            "order:tokens": Coalesce(F("total__prompt_tokens") + F("total__output_tokens"), 0),
        }


def _never_first(moment: Combinable) -> Coalesce:
    """Databases do not agree on where nothing goes."""
    return Coalesce(moment, Value(EPOCH, output_field=DateTimeField()))


# Columns.


@admin.display(description=gettext_lazy("key"), ordering="name")
def label(key: ApiKey) -> SafeString:
    found = facts(key)
    note = SafeString()
    if found and found.row.is_unreadable:
        note += _note(_("not used: SECRET_KEY does not open it"))
    if found and found.row.exit.is_own:
        note += _note(_("through %(exit)s") % {"exit": found.row.exit.text})
    if not key.name:
        return format_html('<span class="key-masked">{}</span>{}', key.masked, note)
    name = '<span class="key-name">{}</span> <span class="key-masked">({})</span>{}'
    return format_html(name, key.name, key.masked, note)


def _note(text: str) -> SafeString:
    return format_html(' <span class="state-detail">{}</span>', text)


@admin.display(description=gettext_lazy("Project"), ordering="project")
def project(key: ApiKey) -> str:
    return key.project or NEVER


@admin.display(description=gettext_lazy("priority, weight"), ordering="priority")
def turns(key: ApiKey) -> str:
    """Of its own."""
    if key.priority is None and key.weight == 1:
        return NEVER
    if key.priority is None:
        return _("as its group, %(weight)d") % {"weight": key.weight}
    return f"{key.priority}, {key.weight}"


@admin.display(description=gettext_lazy("State"), ordering="status")
def state(key: ApiKey) -> SafeString:
    found = facts(key)
    return state_cell(found.row, found.now) if found else format_html("{}", NEVER)


@admin.display(description=gettext_lazy("last 24 h"), ordering="order:last_day")
def activity(key: ApiKey) -> SafeString:
    day = day_of(key)
    return sparkline(day.hours, _("%(count)s requests in 24 h") % {"count": f"{day.requests:,}"})


@admin.display(description=gettext_lazy("Requests"), ordering="order:requests")
def requests(key: ApiKey) -> SafeString:
    """Of all hours and days that are kept."""
    found = facts(key)
    if found is None:
        return format_html("{}", NEVER)
    cells = {name: number_cell(found.row, name) for name in ("requests", "rate_limited", "errors")}
    return format_html(
        '{}<div class="key-refusals"><span>{}</span> <span>{}</span></div>',
        cells["requests"],
        format_html(_("429s: {}"), cells["rate_limited"]),
        format_html(_("errors: {}"), cells["errors"]),
    )


@admin.display(description=gettext_lazy("success"))
def success(key: ApiKey) -> SafeString:
    """Of the last day."""
    day = day_of(key)
    counts = {"good": f"{day.succeeded:,}", "count": f"{day.requests:,}"}
    title = _("%(good)s of %(count)s requests in 24 h") % counts
    return format_html('<span title="{}">{}</span>', title, rate(day.succeeded, day.requests))


@admin.display(description=gettext_lazy("tokens in / out"), ordering="order:tokens")
def tokens(key: ApiKey) -> SafeString:
    found = facts(key)
    if found is None:
        return format_html("{}", NEVER)
    sent, received = (number_cell(found.row, name) for name in ("tokens_in", "tokens_out"))
    return format_html("<span>{} / {}</span>", sent, received)


@admin.display(description=gettext_lazy("last error"), ordering="order:last_event")
def last_error(key: ApiKey) -> SafeString:
    found = facts(key)
    if found is None or found.event is None:
        return format_html("{}", NEVER)
    url = reverse("admin:proxyapp_ratelimitevent_change", args=[found.event.pk])
    return format_html(
        '<a href="{}">{}</a> {}',
        url,
        kind_word(found.event.kind),
        ago(found.event.occurred_at, found.now),
    )


@admin.display(description=gettext_lazy("last used"), ordering="order:used")
def used(key: ApiKey) -> SafeString:
    return used_cell(key.last_used_at)


COLUMNS = (
    label, "group", project, turns, state, activity, requests, success, tokens, last_error, used,
)  # fmt: skip


def day_of(key: ApiKey) -> LastDay:
    found = facts(key)
    return found.day if found else LastDay()
