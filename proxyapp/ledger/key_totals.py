"""The running total of each key, beside its hours and days: no page adds them up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import connection

from proxyapp.ledger.many_rows import Rows
from proxyapp.ledger.usage import COLUMNS, AttemptCounter, UsageTally, attempt_values
from proxyapp.models import KeyTotal


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


def _sums(usage: Iterable[tuple[int, AttemptCounter]]) -> list[tuple[int, ...]]:
    sums: defaultdict[int, AttemptCounter] = defaultdict(AttemptCounter)
    for key_id, counts in usage:
        sums[key_id].add(counts)
    return [(key_id, *attempt_values(counts)) for key_id, counts in sorted(sums.items())]


def _twice(values: Sequence[int]) -> list[int]:
    return [value for value in values for _ in range(2)]
