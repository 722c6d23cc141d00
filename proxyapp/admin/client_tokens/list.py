"""The list of client tokens: its columns, and what they did today, asked for once a page."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.badges import Variant, badge
from proxyapp.admin.parts.cells import ago, compact, until
from proxyapp.admin.parts.unfold_typed import ChangeList
from proxyapp.models import ClientToken
from proxyapp.operators.token_standing import Today, spent_of_month, standing_of, today_of
from proxyapp.vocabulary.money import currency, rounded_text

VARIANTS: dict[str, Variant] = {
    "active": "success",
    "expiring": "warning",
    "expired": "default",
    "revoked": "danger",
    "unreadable": "danger",
}
STATE_WORDS = {
    "active": pgettext_lazy("client token", "active"),
    "expiring": pgettext_lazy("client token", "expiring"),
    "expired": pgettext_lazy("client token", "expired"),
    "revoked": pgettext_lazy("client token", "revoked"),
    "unreadable": pgettext_lazy("client token", "unreadable"),
}
# A row stays a few lines high; the token's page has the rest.
SHOWN = 3
NO_GROUP = _("none: its groups were deleted")
NEARLY = 0.8
# Without a budget, and with one.
TODAY = (
    _("%(spent)s %(currency)s today"),
    _("%(spent)s of %(budget)s %(currency)s today"),
)
THIS_MONTH = (
    _("%(spent)s %(currency)s this month"),
    _("%(spent)s of %(budget)s %(currency)s this month"),
)


class ClientTokenChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """A list that is not filtered offers no way to show all."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count
        today = today_of([token.pk for token in self.result_list], timezone.now())
        for token in self.result_list:
            token.__dict__["today"] = today.get(token.pk, Today())


def today(token: ClientToken) -> Today:
    """Asked for once where no list has given it."""
    if "today" not in token.__dict__:
        token.__dict__["today"] = today_of([token.pk], timezone.now()).get(token.pk, Today())
    found: Today = token.__dict__["today"]
    return found


# Columns.


@admin.display(description=pgettext_lazy("client token", "token"), ordering="name")
def label(token: ClientToken) -> SafeString:
    return format_html(
        '<span class="key-name">{}</span> <span class="key-masked">{}</span>',
        token.name,
        token.masked,
    )


@admin.display(description=pgettext_lazy("of a row", "state"), ordering="revoked_at")
def state(token: ClientToken) -> SafeString:
    return state_lines(token, timezone.now())


@admin.display(description=_("groups"))
def groups(token: ClientToken) -> SafeString:
    if not token.is_limited_to_groups:
        return format_html("{}", pgettext("of groups", "all"))
    names = [group.name for group in token.allowed_groups.all()]
    return _few(names) if names else format_html('<span class="token-none">{}</span>', NO_GROUP)


@admin.display(description=_("models"))
def models(token: ClientToken) -> SafeString:
    return (
        _few(token.allowed_models)
        if token.allowed_models
        else format_html("{}", pgettext("of models", "all"))
    )


@admin.display(description=_("requests today"))
def requests_today(token: ClientToken) -> SafeString:
    done = today(token)
    lines = [_of_limit(done.requests, token.requests_per_day)]
    if token.requests_per_minute is not None:
        most = f"{token.requests_per_minute:,}"
        lines.append(_detail(gettext("%(count)s a minute at most") % {"count": most}))
    if done.refused:
        refused = gettext("%(count)s refused") % {"count": compact(done.refused)}
        lines.append(_detail(refused))
    return format_html("<div>{}</div>", format_html_join("", "{}", ((line,) for line in lines)))


@admin.display(description=_("tokens today"))
def tokens_today(token: ClientToken) -> SafeString:
    return format_html("<div>{}</div>", _of_limit(today(token).tokens, token.tokens_per_day))


def cost_lines(token: ClientToken, *, with_month: bool = False) -> SafeString:
    """Of the day, and of the month where it has a budget: each with what it may cost."""
    done = today(token)
    lines = [_money(done.cost, token.cost_per_day, TODAY)]
    if with_month or token.cost_per_month is not None:
        spent = spent_of_month(token.pk, timezone.now())
        lines.append(_money(spent, token.cost_per_month, THIS_MONTH))
    if done.unpriced:
        unpriced = gettext("%(count)s tokens without a price") % {"count": compact(done.unpriced)}
        lines.append(unpriced)
    return format_html_join("", "<div>{}</div>", ((line,) for line in lines))


def _money(spent: int, budget: int | None, words: tuple[Any, Any]) -> str:
    named = {"spent": rounded_text(spent), "currency": currency()}
    if budget is None:
        return str(words[0]) % named
    return str(words[1]) % {**named, "budget": rounded_text(budget)}


@admin.display(description=_("last used"), ordering="last_used_at")
def used(token: ClientToken) -> SafeString:
    return ago(token.last_used_at, timezone.now())


COLUMNS = (label, state, groups, models, requests_today, tokens_today, used)


def state_lines(token: ClientToken, now: datetime) -> SafeString:
    """A badge, and until when or since when."""
    found = standing_of(token, now)
    shown = badge(str(STATE_WORDS["active" if found == "expiring" else found]), VARIANTS[found])
    if found == "revoked" and token.revoked_at:
        return format_html("{}{}", shown, _detail(ago(token.revoked_at, now)))
    if found == "unreadable":
        return format_html("{}{}", shown, _detail(gettext("made under a SECRET_KEY that is gone")))
    if token.expires_at is None:
        return shown
    is_over = found == "expired"
    when = (
        ago(token.expires_at, now)
        if is_over
        else format_html(gettext("expires in {}"), until(token.expires_at, now))
    )
    return format_html("{}{}", shown, _detail(when))


def _detail(content: str) -> SafeString:
    return format_html('<span class="state-detail token-detail">{}</span>', content)


def _few(names: list[str]) -> SafeString:
    """The first of them; all in the title."""
    if len(names) <= SHOWN:
        return format_html("{}", ", ".join(names))
    text = gettext("%(names)s and %(count)d more") % {
        "names": ", ".join(names[:SHOWN]),
        "count": len(names) - SHOWN,
    }
    return format_html('<span title="{}">{}</span>', ", ".join(names), text)


def _of_limit(count: int, limit: int | None) -> SafeString:
    """`1,204 of 5 k` over a bar; without a limit the number alone."""
    if limit is None:
        return format_html('<span title="{}">{}</span>', f"{count:,}", compact(count))
    share = min(count / limit, 1.0)
    level = "is-full" if share >= 1 else "is-near" if share >= NEARLY else ""
    return format_html(
        '<span title="{}">{}</span><svg class="token-bar {}" viewBox="0 0 100 4"'
        ' preserveAspectRatio="none" aria-hidden="true"><rect class="token-bar-base" width="100"'
        ' height="4"/><rect width="{}" height="4"/></svg>',
        *(_of(f"{count:,}", f"{limit:,}"), _of(compact(count), compact(limit))),
        *(level, f"{share * 100:.1f}"),
    )


def _of(count: str, limit: str) -> str:
    return gettext("%(count)s of %(limit)s") % {"count": count, "limit": limit}
