"""The running total of each key, beside its hours and days: no page adds them up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.models import Sum

from proxyapp.ledger.many_rows import Rows, add_to_rows
from proxyapp.ledger.usage import COLUMNS, AttemptCounter, UsageTally, attempt_values
from proxyapp.models import ApiKey, DailyUsage, HourlyUsage, KeyTotal

# Of each some thousand hours and days are read, for half a second at most, in which under SQLite
# nobody writes if a total is wrong.
BATCH_KEYS = 50
Values = tuple[int, ...]
NOTHING: Values = (0,) * len(COLUMNS)


def total_rows(tally: UsageTally, known: set[int]) -> Rows:
    """What is added to the totals, in the order in which all writers lock them."""
    of_known = ((place.key_id, counts) for place, counts in tally.counts.items())
    return _sums((key_id, counts) for key_id, counts in of_known if key_id in known)


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


def recount_after(key_id: int) -> int | None:
    """Makes the totals of the next keys what their hours and days come to, where they are not.

    An older release of the gateway, in a rolling restart or after a way back, writes and removes
    usage without them. Returns the last of the keys; None: there was none.
    """
    later = ApiKey.objects.filter(pk__gt=key_id).order_by("pk")
    key_ids = list(later.values_list("pk", flat=True)[:BATCH_KEYS])
    kept, totals = _kept(key_ids), _totals(key_ids)
    if wrong := [pk for pk in key_ids if kept.get(pk, NOTHING) != totals.get(pk, NOTHING)]:
        _recount(wrong)
    return key_ids[-1] if key_ids else None


def _recount(key_ids: Sequence[int]) -> None:
    """Under the totals' locks: what others add is in the rows and in the total, or in neither."""
    with transaction.atomic():
        add_to_rows(KeyTotal, ("key_id",), COLUMNS, [(pk, *NOTHING) for pk in key_ids])
        kept = _kept(key_ids)
        KeyTotal.objects.bulk_update(
            [
                KeyTotal(key_id=pk, **dict(zip(COLUMNS, kept.get(pk, NOTHING), strict=True)))
                for pk in key_ids
            ],
            COLUMNS,
        )


def _kept(key_ids: Sequence[int]) -> dict[int, Values]:
    """Hours and days are read at once, while rows may be moving over."""
    sums = {f"sum_{column}": Sum(column) for column in COLUMNS}
    hours = HourlyUsage.objects.filter(key__in=key_ids).order_by().values("key_id").annotate(**sums)
    days = DailyUsage.objects.filter(key__in=key_ids).order_by().values("key_id").annotate(**sums)
    return {
        pk: tuple(counts)
        for pk, *counts in _sums(
            (row["key_id"], AttemptCounter(*(int(row[name]) for name in sums)))
            for row in hours.union(days, all=True)
        )
    }


def _totals(key_ids: Sequence[int]) -> dict[int, Values]:
    rows = KeyTotal.objects.filter(key__in=key_ids).values_list("key_id", *COLUMNS)
    return {pk: tuple(counts) for pk, *counts in rows}


def _sums(usage: Iterable[tuple[int, AttemptCounter]]) -> list[tuple[int, ...]]:
    sums: defaultdict[int, AttemptCounter] = defaultdict(AttemptCounter)
    for key_id, counts in usage:
        sums[key_id].add(counts)
    return [(key_id, *attempt_values(counts)) for key_id, counts in sorted(sums.items())]


def _twice(values: Sequence[int]) -> list[int]:
    return [value for value in values for _ in range(2)]
