"""How much of a token's limit the processes have leased: one row a window, under its lock.

For database threads.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Sum

from proxyapp.models import TokenUsage, TokenWindow

DAY_SECONDS = 86_400


class LimitWindow(NamedTuple):
    """One window of a token.

    `number`: how many windows of that length lie before it, since the epoch.
    """

    token_id: int
    seconds: int
    number: int

    @property
    def starts_at(self) -> datetime:
        return datetime.fromtimestamp(self.number * self.seconds, UTC)

    @property
    def ends_at(self) -> float:
        return (self.number + 1) * self.seconds


Leftover = tuple[LimitWindow, int]
"""How much of a lease was not used."""


def window_at(token_id: int, seconds: int, now: float) -> LimitWindow:
    return LimitWindow(token_id, seconds, int(now) // seconds)


def lease_share(place: LimitWindow, limit: int, wanted: int, owed: int = 0) -> int:
    """How many of the wanted requests there is still room for.

    All leases of a window together stay within the limit. `owed`: what the process took without a
    lease while the database was away; it counts first, even beyond the limit. A row that is one
    window ahead is that of a process whose clock is; one further away is a clock's error.
    """
    with transaction.atomic():
        window = _locked(place)
        ahead = int(window.started_at.timestamp()) // place.seconds - place.number
        if ahead not in (0, 1):
            window.started_at, window.granted = place.starts_at, 0
        granted = min(wanted, max(limit - window.granted - owed, 0))
        if granted or owed:
            window.granted += granted + owed
            window.save(update_fields=["started_at", "granted"])
        return granted


def give_back(leftovers: Sequence[Leftover]) -> None:
    for place, count in sorted(leftovers):
        windows = TokenWindow.objects.filter(
            token_id=place.token_id, seconds=place.seconds, granted__gte=count
        )
        windows.filter(started_at=place.starts_at).update(granted=F("granted") - count)


def llm_tokens_of_day(token_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """What all processes have written down of the day in UTC."""
    rows = TokenUsage.objects.filter(
        token_id__in=token_ids, day=now.astimezone(UTC).date()
    ).order_by()
    sums = rows.values_list("token_id").annotate(total=Sum(F("prompt_tokens") + F("output_tokens")))
    return {token_id: total or 0 for token_id, total in sums}


def _locked(place: LimitWindow) -> TokenWindow:
    windows = TokenWindow.objects.select_for_update()
    window = windows.filter(token_id=place.token_id, seconds=place.seconds).first()
    if window is None:
        new = {"started_at": place.starts_at}
        TokenWindow.objects.get_or_create(
            token_id=place.token_id, seconds=place.seconds, defaults=new
        )
        window = windows.get(token_id=place.token_id, seconds=place.seconds)
    return window
