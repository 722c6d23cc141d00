"""The running total of each key, beside its hours and days: no page adds them up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import connection

from proxyapp.ledger.many_rows import add_to_rows
from proxyapp.ledger.stamps import DAY_COLUMNS, HOURS, base, hour_column
from proxyapp.ledger.usage import COLUMNS, AttemptCounter, UsagePlace, attempt_values
from proxyapp.models import KeyTotal

REQUESTS, RATE_LIMITED = COLUMNS.index("requests"), COLUMNS.index("rate_limited")
Values = tuple[int, ...]
Used = tuple[UsagePlace, Values]  # in the order of COLUMNS
NOTHING: Values = (0,) * len(COLUMNS)


def add_to_totals(used: Sequence[Used]) -> None:
    """`used`: in the order of the keys, in which all writers lock their totals."""
    hours = sorted({place.hour for place, _ in used}, reverse=True)
    if not hours:
        return
    last, day = hours[0], hours[0] // HOURS
    whole = _by_key(used)
    of_hour, of_day = whole, whole
    if len(hours) > 1:
        of_hour = _by_key([one for one in used if one[0].hour == last])
        of_day = _by_key([one for one in used if one[0].hour // HOURS == day])
    to_hour, to_day, rows = base(last), base(day), []
    for key_id, sums in whole.items():
        today = of_day.get(key_id, NOTHING)
        lately = to_hour + of_hour.get(key_id, NOTHING)[REQUESTS], to_day + today[REQUESTS]
        rows.append((key_id, *sums, *lately, to_day + today[RATE_LIMITED]))
    stamps = {hour_column(last): base(last), **dict.fromkeys(DAY_COLUMNS, base(day))}
    add_to_rows(KeyTotal, ("key_id",), COLUMNS, rows, stamps)
    # Their locks are taken by now.
    for hour in hours[1:]:
        if hour > last - HOURS:
            _add_earlier_hour(used, hour)


def _add_earlier_hour(used: Sequence[Used], hour: int) -> None:
    of_hour = _by_key([one for one in used if one[0].hour == hour])
    rows = [(pk, *NOTHING, base(hour) + sums[REQUESTS]) for pk, sums in of_hour.items()]
    add_to_rows(KeyTotal, ("key_id",), COLUMNS, rows, {hour_column(hour): base(hour)})


def _by_key(used: Sequence[Used]) -> dict[int, Values]:
    """In the order of the keys."""
    sums: dict[int, Values] = {}
    for place, values in used:
        before = sums.get(place.key_id)
        sums[place.key_id] = values if before is None else sum_of([before, values])
    return sums


def sum_of(rows: Iterable[Values]) -> Values:
    """Column by column."""
    several = list(rows)
    if len(several) == 1:
        return several[0]
    return tuple(map(sum, zip(*several, strict=True))) if several else NOTHING


def take_from_totals(usage: Iterable[tuple[int, AttemptCounter]]) -> None:
    """For usage of keys that is removed."""
    # What a total does not have cannot be taken: the columns hold no number below zero.
    left = ", ".join(
        f"{column} = CASE WHEN {column} > %s THEN {column} - %s ELSE 0 END" for column in COLUMNS
    )
    name = connection.ops.quote_name(KeyTotal._meta.db_table)
    rows = [(*_twice(counts), key_id) for key_id, *counts in _sums(usage)]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {name} SET {left} WHERE key_id = %s",  # noqa: S608  # no outside value
            rows,
        )


def _sums(usage: Iterable[tuple[int, AttemptCounter]]) -> list[tuple[int, ...]]:
    sums: defaultdict[int, AttemptCounter] = defaultdict(AttemptCounter)
    for key_id, counts in usage:
        sums[key_id].add(counts)
    return [(key_id, *attempt_values(counts)) for key_id, counts in sorted(sums.items())]


def _twice(values: Sequence[int]) -> list[int]:
    return [value for value in values for _ in range(2)]
