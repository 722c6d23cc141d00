"""How clients and their tokens stand: for the lists of the admin and for its dashboard.

The database does the sums.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Q, QuerySet, Sum

from proxyapp.access.budgets import cost_of_month
from proxyapp.access.token_book import MARK_DIGITS, mark_of
from proxyapp.access.token_store import secret_keys
from proxyapp.models import ClientToken, TokenUsage
from proxyapp.operators.token_report import state_of

# A week: time to hand out another token.
SOON = timedelta(days=7)
# The end of a token that nobody used in a week needs no attention.
LATELY = timedelta(days=7)
# Today. One or two are what limits are for.
MANY_REFUSALS = 20
# Lines of a card; one more is read to know whether there are more.
MOST = 5
STATES = ("active", "expiring", "expired", "revoked", "unreadable")


@dataclass(frozen=True, slots=True)
class Today:
    """What clients with one token did since midnight, UTC."""

    requests: int = 0
    refused: int = 0
    tokens: int = 0
    cost: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """`top`: tokens by today's requests.

    `expiring`, `limited`: one more than is shown says that there are more.
    """

    total: int
    active: int
    top: Sequence[Mapping[str, Any]]
    expiring: Sequence[Mapping[str, Any]]
    limited: Sequence[Mapping[str, Any]]


def standing_of(token: ClientToken, now: datetime) -> str:
    """`active`, `expiring` (within days), `expired`, `revoked` or `unreadable`.

    Unreadable: a SECRET_KEY that is gone made it.
    """
    known = {mark_of(secret_key) for secret_key in secret_keys()}
    state = state_of(token, now, is_known=token.token_hash[:MARK_DIGITS] in known)
    is_expiring = (
        state == "active" and token.expires_at is not None and token.expires_at <= now + SOON
    )
    return "expiring" if is_expiring else state


def tokens_in(tokens: QuerySet[ClientToken], state: str, now: datetime) -> QuerySet[ClientToken]:
    """As `standing_of` has it, but `active` are also those that expire soon."""
    is_over = Q(expires_at__lte=now)
    if state == "revoked":
        return tokens.exclude(revoked_at=None)
    if state == "expired":
        return tokens.filter(is_over, revoked_at=None)
    standing = tokens.filter(~is_over | Q(expires_at=None), revoked_at=None)
    known = Q()
    for secret_key in secret_keys():
        known |= Q(token_hash__startswith=mark_of(secret_key))
    if state == "unreadable":
        return standing.exclude(known)
    usable = standing.filter(known)
    return usable.filter(expires_at__lte=now + SOON) if state == "expiring" else usable


def today_of(token_ids: Collection[int], now: datetime) -> dict[int, Today]:
    """One query; of those that were used."""
    rows = _of_today(now).filter(token__in=token_ids).values("token_id")
    sums = rows.annotate(
        sent=Sum("requests"),
        held=_REFUSED,
        tokens=_TOKENS,
        cost=Sum("cost_micros"),
        unpriced=Sum("unpriced_tokens"),
    )
    columns = ("token_id", "sent", "held", "tokens", "cost", "unpriced")
    return {token_id: Today(*counts) for token_id, *counts in sums.values_list(*columns)}


def spent_of_month(token_id: int, now: datetime) -> int:
    """In millionths."""
    return cost_of_month([token_id], now).get(token_id, 0)


def read_clients(now: datetime) -> ClientFacts:
    """Four queries, however many tokens there are."""
    tokens = ClientToken.objects.order_by()
    usable = tokens_in(tokens, "active", now)
    counts = tokens.aggregate(
        total=Count("pk"), active=Count("pk", filter=Q(pk__in=usable.values("pk")))
    )
    used_lately = usable.filter(expires_at__lte=now + SOON, last_used_at__gt=now - LATELY)
    expiring = used_lately.order_by("expires_at", "pk").values("id", "name", "expires_at")
    by_token = _of_today(now).values("token_id", name=Max("token__name"))
    sums = by_token.annotate(
        sent=Sum("requests"), held=_REFUSED, by_limit=Sum("refused"), tokens=_TOKENS
    )
    top = sums.filter(Q(sent__gt=0) | Q(held__gt=0)).order_by("-sent", "-held", "token_id")
    limited = sums.filter(by_limit__gte=MANY_REFUSALS, token__in=usable.values("pk")).order_by(
        "-by_limit", "token_id"
    )
    return ClientFacts(
        **counts,
        top=list(top[:MOST]),
        expiring=list(expiring[: MOST + 1]),
        limited=list(limited[: MOST + 1]),
    )


def is_open_to_all() -> bool:
    """Whether clients may do without a token wherever they come from."""
    return bool(settings.ALLOW_ANONYMOUS)


_REFUSED = Sum(F("refused") + F("not_allowed"))
_TOKENS = Sum(F("prompt_tokens") + F("output_tokens"))


def _of_today(now: datetime) -> QuerySet[TokenUsage]:
    return TokenUsage.objects.filter(day=now.astimezone(UTC).date()).order_by()
