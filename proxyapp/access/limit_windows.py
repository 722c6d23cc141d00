"""How much of the tokens' limits the processes have leased: one row a window, under its lock.

Shares of many tokens are leased and given back in one transaction, which takes the rows' locks in
one order. For database threads.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction

from proxyapp.models import ClientToken, TokenUsage, TokenWindow

# A token that is deleted just then refuses the new rows of all; the next try leaves it out.
NEW_ROW_TRIES = 3


class LimitWindow(NamedTuple):
    """One window of a token.

    `number`: how many windows of that length lie before it, since the epoch.
    """

    token_id: int
    seconds: int
    number: int

    @property
    def starts_at(self) -> float:
        return self.number * self.seconds

    @property
    def ends_at(self) -> float:
        return (self.number + 1) * self.seconds


Leftover = tuple[LimitWindow, int]
"""How much of a lease was not used."""


class Wish(NamedTuple):
    """So many requests of a window that are wanted, of a limit.

    `owed`: what the process took without a lease while the database was away; it counts first, even
    beyond the limit. `is_ahead`: nobody waits for it, so half of the limit stays for who asks.
    """

    place: LimitWindow
    limit: int
    wanted: int
    owed: int = 0
    is_ahead: bool = False


class Grant(NamedTuple):
    """`total`: of all processes. `is_wanted`: somebody got nothing in this window."""

    granted: int
    total: int
    is_wanted: bool


@dataclass(slots=True)
class _Row:
    pk: int
    started_at: datetime
    granted: int
    is_wanted: bool
    is_changed: bool = False


def window_at(token_id: int, seconds: int, now: float) -> LimitWindow:
    return LimitWindow(token_id, seconds, int(now) // seconds)


def lease_shares(wishes: Sequence[Wish]) -> list[Grant]:
    """What there is still room for: all leases of a window together stay within the limit.

    A token that is gone gets nothing. Raises django.db.Error.
    """
    grants = _lease_from_rows(wishes)
    new = [wish for wish, grant in zip(wishes, grants, strict=True) if grant is None]
    if new:
        _make_rows({wish.place for wish in new})
        made = iter(_lease_from_rows(new))
        grants = [next(made) if grant is None else grant for grant in grants]
    nothing = Grant(0, 0, is_wanted=False)
    return [grant or nothing for grant in grants]


def _lease_from_rows(wishes: Sequence[Wish]) -> list[Grant | None]:
    """None: there is no row."""
    with transaction.atomic():
        rows = _locked(wishes)
        grants = [
            _grant(row, wish)
            if (row := rows.get((wish.place.token_id, wish.place.seconds)))
            else None
            for wish in wishes
        ]
        _save([row for row in rows.values() if row.is_changed])
    return grants


def _grant(row: _Row, wish: Wish) -> Grant:
    """A row that is one window ahead is that of a process whose clock is.

    One further away is a clock's error.
    """
    place = wish.place
    if int(row.started_at.timestamp()) // place.seconds - place.number not in (0, 1):
        row.started_at, row.granted, row.is_wanted = _at(place), 0, False
    limit = wish.limit // 2 if wish.is_ahead else wish.limit
    count = min(wish.wanted, max(limit - row.granted - wish.owed, 0))
    is_turned_away = bool(wish.wanted) and not count and not wish.is_ahead
    if count or wish.owed or (is_turned_away and not row.is_wanted):
        row.granted += count + wish.owed
        row.is_wanted = row.is_wanted or is_turned_away
        row.is_changed = True
    return Grant(count, row.granted, row.is_wanted)


def lock_windows(token_ids: Iterable[int]) -> None:
    """For who deletes them, in a transaction: else two could wait for each other.

    Every process takes the rows' locks in this order.
    """
    windows = TokenWindow.objects.select_for_update().filter(token_id__in=set(token_ids))
    list(windows.order_by("token_id", "seconds").values_list("pk"))


def _locked(wishes: Sequence[Wish]) -> dict[tuple[int, int], _Row]:
    """By token and length, in the order of `lock_windows`; each minute thousands are read."""
    is_one_of, ids = _among(sorted({wish.place.token_id for wish in wishes}))
    is_as_long, lengths = _among(sorted({wish.place.seconds for wish in wishes}))
    table = connection.ops.quote_name(TokenWindow._meta.db_table)
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(  # no outside value
            "SELECT token_id, seconds, id, started_at, granted, is_wanted"  # noqa: S608
            f" FROM {table} WHERE token_id {is_one_of} AND seconds {is_as_long}"
            f" ORDER BY token_id, seconds{lock}",
            [ids, lengths],
        )
        rows = cursor.fetchall()
    return {
        (token_id, seconds): _Row(pk, _read_time(started_at), granted, bool(is_wanted))
        for token_id, seconds, pk, started_at, granted, is_wanted in rows
    }


def _among(ids: list[int]) -> tuple[str, str | list[int]]:
    """A condition that takes all of them as one value, and that."""
    if connection.vendor != "sqlite":
        return "= ANY(%s)", ids
    return "IN (SELECT value FROM json_each(%s))", json.dumps(ids)


def _read_time(stored: str | datetime) -> datetime:
    """SQLite keeps text, of UTC without saying so."""
    if isinstance(stored, datetime):
        return stored
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _save(rows: Sequence[_Row]) -> None:
    _execute_for_each(
        "UPDATE {table} SET started_at = %s, granted = %s, is_wanted = %s WHERE id = %s",
        [(_time(row.started_at), row.granted, row.is_wanted, row.pk) for row in rows],
    )


def _make_rows(places: Collection[LimitWindow]) -> None:
    """Empty ones, in a transaction of their own: who waits for their locks holds no other's."""
    for tries in range(1, NEW_ROW_TRIES + 1):
        tokens = ClientToken.objects.filter(pk__in={place.token_id for place in places})
        known = set(tokens.values_list("pk", flat=True))
        rows = [
            TokenWindow(token_id=place.token_id, seconds=place.seconds, started_at=_at(place))
            for place in sorted(places)
            if place.token_id in known
        ]
        try:
            TokenWindow.objects.bulk_create(rows, ignore_conflicts=True)
        except IntegrityError:
            if tries == NEW_ROW_TRIES:
                raise
        else:
            return


def give_back(leftovers: Sequence[Leftover]) -> None:
    with transaction.atomic():
        _execute_for_each(
            "UPDATE {table} SET granted = granted - %s"
            " WHERE token_id = %s AND seconds = %s AND started_at = %s AND granted >= %s",
            [
                (count, place.token_id, place.seconds, _time(_at(place)), count)
                for place, count in sorted(leftovers)
            ],
        )


def wanted_windows(starts: Collection[float]) -> dict[LimitWindow, int]:
    """Of the windows that start then: in which somebody got nothing, and what is granted there."""
    started_at = [datetime.fromtimestamp(start, UTC) for start in starts]
    rows = TokenWindow.objects.filter(is_wanted=True, started_at__in=started_at).values_list(
        "token_id", "seconds", "started_at", "granted"
    )
    return {
        window_at(token_id, seconds, started_at.timestamp()): granted
        for token_id, seconds, started_at, granted in rows
    }


def llm_tokens_of_day(token_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """What all processes have written down of the day in UTC.

    Read for thousands of tokens each second: without the ORM it takes a quarter of the time.
    """
    is_one_of, ids = _among(list(token_ids))
    table = connection.ops.quote_name(TokenUsage._meta.db_table)
    day = connection.ops.adapt_datefield_value(now.astimezone(UTC).date())
    with connection.cursor() as cursor:
        cursor.execute(  # no outside value
            "SELECT token_id, CAST(SUM(prompt_tokens + output_tokens) AS bigint)"  # noqa: S608
            f" FROM {table} WHERE day = %s AND token_id {is_one_of} GROUP BY token_id",
            [day, ids],
        )
        return dict(cursor.fetchall())


def _execute_for_each(statement: str, rows: Sequence[tuple[int | str, ...]]) -> None:
    if not rows:
        return
    table = connection.ops.quote_name(TokenWindow._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(statement.format(table=table), rows)


def _at(place: LimitWindow) -> datetime:
    return datetime.fromtimestamp(place.starts_at, UTC)


def _time(at: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(at))
