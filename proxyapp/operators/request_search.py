"""Which requests of the log an operator means, and the newest of them, however long the log is.

No page counts or sorts a million rows: they are walked by their ids, which rise with the time,
along the index of the filter that finds the fewest, for a time at most; the next page goes on from
there.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db.models import Q, Sum

from proxyapp.models import RequestLogEntry, RequestLogGap
from proxyapp.models.request_log import first_id, moment_of
from proxyapp.operators.request_filters import EVERY, LogFilter, RequestChoice, filters_of

# What an index finds before the other filters look at it: few at first, for often they fit all.
FIRST_STEP, STEP = 200, 2_000
LOOKING_SECONDS = 0.15
# For whoever waits at a shell.
PATIENT_SECONDS = 20.0
LATEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class FoundRequests:
    """The newest first. `next_id`: where a search for older ones goes on; 0: there are none.

    `looked_back_to`: how far this one came before its time was over; None: it found all it could.
    """

    rows: list[RequestLogEntry] = field(default_factory=list)
    next_id: int = 0
    looked_back_to: datetime | None = None


def find_requests(
    choice: RequestChoice, most: int, *, before_id: int = 0, seconds: float = LOOKING_SECONDS
) -> FoundRequests:
    """`before_id`: only those below it, from the page before."""
    low, high = _range(choice, before_id)
    driving, rest = _driving(filters_of(choice), low, high)
    ids = driving.ids(low, high)
    ends_at = time.monotonic() + seconds
    found: list[RequestLogEntry] = []
    step = min(FIRST_STEP, STEP)
    while chunk := list(islice(ids, step if rest else most + 1)):
        found += RequestLogEntry.objects.filter(rest, pk__in=chunk).order_by("-id")[: most + 1]
        if len(found) > most:
            return FoundRequests(found[:most], next_id=found[most - 1].id)
        if time.monotonic() >= ends_at:
            last = chunk[-1]
            return FoundRequests(found, next_id=last, looked_back_to=moment_of(last))
        step = STEP
    return FoundRequests(found)


def left_out(choice: RequestChoice) -> tuple[int, int]:
    """How many requests of the time chosen are not in the log, and how many of them failed."""
    gaps = RequestLogGap.objects.all()
    if choice.since:
        gaps = gaps.filter(minute__gte=choice.since.replace(second=0, microsecond=0))
    if choice.until:
        gaps = gaps.filter(minute__lt=choice.until)
    sums = gaps.aggregate(requests=Sum("requests"), failures=Sum("failures"))
    return sums["requests"] or 0, sums["failures"] or 0


def _range(choice: RequestChoice, before_id: int) -> tuple[int, int]:
    """From the lowest on, below the highest."""
    low = first_id(max(choice.since.timestamp(), 0.0)) if choice.since else 0
    high = first_id(max(choice.until.timestamp(), 0.0)) if choice.until else LATEST
    return low, min(high, before_id or LATEST)


def _driving(filters: list[LogFilter], low: int, high: int) -> tuple[LogFilter, Q]:
    """The filter whose index is walked, and what the others ask of each row."""
    if len(filters) < 2:
        return (filters[0] if filters else EVERY), Q()
    driving = min(filters, key=lambda each: each.compared(low, high))
    rest = Q()
    for each in filters:
        if each is not driving:
            rest &= each.rows
    return driving, rest
