"""What operators see of client tokens, and which of them they mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from proxyapp.access.budgets import BUDGETS
from proxyapp.access.token_book import MARK_DIGITS, mark_of, token_hash
from proxyapp.access.token_store import LIMITS, secret_keys
from proxyapp.costs.currencies import currencies_of
from proxyapp.models import ClientToken, TokenUsage
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.money import plain_amount
from proxyapp.vocabulary.times import iso_utc

COUNTS = (
    "requests",
    "succeeded",
    "refused",
    "not_allowed",
    "prompt_tokens",
    "output_tokens",
    "cached_tokens",
    "thought_tokens",
    "tool_use_tokens",
    "cost_micros",
    "unpriced_tokens",
)
# A longer selector that fits nothing may be a token with a mistake: it is shown masked.
SHORT = 20


class UnclearToken(Exception):
    """A selector fits no token, or several. The text never repeats a token."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """`groups` None: all of them. `today`: in UTC. Of what was `refused` some was `not_allowed`,
    the rest beyond a limit. `currency`: of what it cost, both where that has changed.
    """

    token: ClientToken
    state: str
    groups: Sequence[str] | None
    total: Mapping[str, int]
    today: Mapping[str, int]
    needs_older_secret: bool
    currency: str

    def as_json(self) -> dict[str, Any]:
        token = self.token
        times = {
            name: getattr(token, name)
            for name in ("expires_at", "revoked_at", "last_used_at", "created_at")
        }
        return {
            "id": token.pk,
            "name": token.name,
            "masked": token.masked,
            "state": self.state,
            "groups": None if self.groups is None else list(self.groups),
            "models": list(token.allowed_models),
            "fallbacks": token.fallbacks,
            "shared_resources": token.shared_resources,
            **{limit: getattr(token, limit) for limit in LIMITS},
            **{budget: _amount(getattr(token, budget)) for budget in BUDGETS},
            **{name: iso_utc(moment) if moment else None for name, moment in times.items()},
            **self.total,
            "currency": self.currency,
            "today": dict(self.today),
            "needs_older_secret": self.needs_older_secret,
        }


def _amount(micros: int | None) -> str | None:
    return None if micros is None else plain_amount(micros)


def token_report(tokens: QuerySet[ClientToken], now: datetime) -> list[TokenRow]:
    """Five queries, however many tokens there are."""
    known = {mark_of(secret_key) for secret_key in secret_keys()}
    current, day = mark_of(settings.SECRET_KEY), now.astimezone(UTC).date()
    total, today, currencies = _counts(), _counts(day), currencies_of(date.min, day)
    nothing = dict.fromkeys(COUNTS, 0)
    return [
        TokenRow(
            token=token,
            state=state_of(token, now, is_known=token.token_hash[:MARK_DIGITS] in known),
            groups=[group.name for group in token.allowed_groups.all()]
            if token.is_limited_to_groups
            else None,
            total=total.get(token.pk, nothing),
            today=today.get(token.pk, nothing),
            needs_older_secret=token.token_hash[:MARK_DIGITS] != current,
            currency=currencies.since(token.created_at.astimezone(UTC).date()),
        )
        for token in tokens.prefetch_related("allowed_groups")
    ]


def state_of(token: ClientToken, now: datetime, *, is_known: bool = True) -> str:
    """`active`, `revoked`, `expired`, or `unreadable`: made under a SECRET_KEY that is gone."""
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return "expired"
    return "active" if is_known else "unreadable"


def choose_tokens(selectors: Iterable[str]) -> list[int]:
    """The ids of those that are named by id, name, masked form or the token itself.

    Raises UnclearToken.
    """
    return list(dict.fromkeys(_chosen(selector.strip()) for selector in selectors))


def _chosen(selector: str) -> int:
    """Nothing is guessed, for revoking is for good: a number may be an id and another's name."""
    named = Q(name__iexact=selector)
    if selector.isascii() and selector.isdecimal() and len(selector) < 19:
        named |= Q(pk=int(selector))
    for meaning in (named, Q(masked=selector), Q(token_hash__in=_hashes(selector))):
        found = list(ClientToken.objects.filter(meaning).order_by("pk"))
        if len(found) == 1:
            return found[0].pk
        if found:
            raise UnclearToken(_ambiguous(selector, found, is_named=meaning is named))
    shown = selector if len(selector) < SHORT else masked_key(selector)
    raise UnclearToken(_("No token fits '%(selector)s'.") % {"selector": shown})


def _ambiguous(selector: str, found: Sequence[ClientToken], *, is_named: bool) -> str:
    if is_named:
        text = _("'%(selector)s' fits %(count)d tokens: say which by its masked form (%(which)s).")
    else:
        text = _("'%(selector)s' fits %(count)d tokens: say which by id (%(which)s).")
    which = ", ".join(token.masked if is_named else str(token.pk) for token in found)
    return text % {"selector": selector, "count": len(found), "which": which}


def _hashes(selector: str) -> list[str]:
    return [token_hash(selector, secret_key) for secret_key in secret_keys()]


def _counts(day: date | None = None) -> dict[int, dict[str, int]]:
    rows = TokenUsage.objects.all() if day is None else TokenUsage.objects.filter(day=day)
    sums = (
        rows.order_by().values("token_id").annotate(**{f"sum_{name}": Sum(name) for name in COUNTS})
    )
    found = {row["token_id"]: {name: row[f"sum_{name}"] or 0 for name in COUNTS} for row in sums}
    for counts in found.values():
        counts["refused"] += counts["not_allowed"]
    return found
