"""What of the request log is chosen, and how an index finds it."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from proxyapp.models import RequestLogEntry, RequestLogTry
from proxyapp.requests.record import ClientOutcome

# Of an index, to tell which filter finds the fewest.
MOST_COMPARED = 2_000
FIRST_PAGE, PAGE = 200, 5_000
FAILED = "failed"
FAILURES = tuple(outcome.value for outcome in ClientOutcome if outcome is not ClientOutcome.OK)


@dataclass(frozen=True, slots=True)
class RequestChoice:
    """None or empty: any. `since`: from then on; `until`: before. `key_id`: of any attempt.

    `status`: one, or a class such as `5xx`. `outcome`: a ClientOutcome, or FAILED: any but ok.
    `client_id` 0: without a token.
    """

    since: datetime | None = None
    until: datetime | None = None
    request_id: str = ""
    client_id: int | None = None
    key_id: int | None = None
    status: str = ""
    outcome: str = ""
    model: str = ""
    group: str = ""


class Branch:
    """What one index finds: rows of a table with a value, the highest id first."""

    def __init__(self, rows: QuerySet[Any], column: str) -> None:
        self._rows = rows.order_by(f"-{column}").values_list(column, flat=True)
        self._column = column

    def within(self, low: int, high: int) -> QuerySet[Any]:
        return self._rows.filter(**{f"{self._column}__gte": low, f"{self._column}__lt": high})

    def ids(self, low: int, high: int) -> Iterator[int]:
        size = FIRST_PAGE
        while page := list(self.within(low, high)[:size]):
            yield from page
            if len(page) < size:
                return
            high, size = page[-1], PAGE


@dataclass(frozen=True, slots=True, eq=False)
class LogFilter:
    """`rows`: what it asks of a row. `branches`: what finds all of these; no row by two."""

    rows: Q
    branches: Sequence[Branch]

    def ids(self, low: int, high: int) -> Iterator[int]:
        return heapq.merge(*(branch.ids(low, high) for branch in self.branches), reverse=True)

    def compared(self, low: int, high: int) -> int:
        """How many it finds; of many only that they are many."""
        found = (branch.within(low, high)[:MOST_COMPARED] for branch in self.branches)
        return sum(rows.count() for rows in found)


def _entries(**values: Any) -> Branch:
    return Branch(RequestLogEntry.objects.filter(**values), "id")


EVERY = LogFilter(Q(), [_entries()])


def filters_of(choice: RequestChoice) -> list[LogFilter]:
    equal = {
        "request_id": choice.request_id or None,
        "client_id": choice.client_id,
        "model": choice.model or None,
        "group_name": choice.group or None,
    }
    filters = [_equal(name, [value]) for name, value in equal.items() if value is not None]
    if choice.key_id is not None:
        filters.append(_of_key(choice.key_id))
    if choice.status:
        filters.append(_equal("status", _statuses(choice.status)))
    if choice.outcome:
        chosen = FAILURES if choice.outcome == FAILED else (choice.outcome,)
        filters.append(_equal("outcome", chosen))
    return filters


def _equal(column: str, values: Sequence[Any]) -> LogFilter:
    branches = [_entries(**{column: value}) for value in values]
    return LogFilter(Q(**{f"{column}__in": list(values)}), branches)


def _of_key(key_id: int) -> LogFilter:
    tries = RequestLogTry.objects.filter(key_id=key_id)
    rows = Q(key_id=key_id) | Q(Exists(tries.filter(entry_id=OuterRef("pk"))))
    return LogFilter(rows, [_entries(key_id=key_id), Branch(tries, "entry_id")])


def _statuses(text: str) -> list[int]:
    """Of a class those that there are: each is looked for behind the one before."""
    if not text.endswith("xx"):
        return [int(text)]
    first = int(text[0]) * 100
    return list(islice(_known_statuses(first, first + 99), 100))


def _known_statuses(first: int, last: int) -> Iterator[int]:
    known = RequestLogEntry.objects.order_by("status").values_list("status", flat=True)
    while (found := known.filter(status__gte=first, status__lte=last).first()) is not None:
        yield found
        first = found + 1
