"""How many requests each project has had today, by what the database says."""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from datetime import time as time_of_day

from django.db.models import F, Sum

from proxyapp.database.threads import DatabaseThreads
from proxyapp.models import HourlyUsage
from proxyapp.pool.day_use import Counts, DayUse
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.reset_times import PACIFIC
from proxyapp.vocabulary.choices import Strategy

# A process counts its own picks in between; those of others it hears of so often. A reading of many
# keys takes part of a second: the thread shall have most of its time for the rest.
LOOK_SECONDS = 60.0
READING_SHARE = 100.0
MOST_SECONDS = 30.0


class DayRequests:
    """Only where a group is answered by those who have used least."""

    def __init__(
        self,
        threads: DatabaseThreads,
        day_use: DayUse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threads = threads
        self._day_use = day_use
        self._clock = clock
        self._due = 0.0

    async def look(self, snapshot: Snapshot) -> None:
        began = self._clock()
        strategies = {group.strategy for group in snapshot.order.values()}
        if began < self._due or Strategy.LEAST_USED not in strategies:
            return
        self._due = began + LOOK_SECONDS  # also where it fails
        self._day_use.install(await self._threads.read(requests_today, MOST_SECONDS))
        took = self._clock() - began
        self._due = began + max(LOOK_SECONDS, READING_SHARE * took)


def requests_today() -> dict[str, Counts]:
    """By model, and by project or key. What was refused is not taken from a quota."""
    date = datetime.now(UTC).astimezone(PACIFIC).date()
    begins = datetime.combine(date, time_of_day(), tzinfo=PACIFIC)
    rows = (
        HourlyUsage.objects.filter(hour__gte=begins)
        .order_by()
        .values_list("model", "key_id", "key__project")
        .annotate(answered=Sum(F("requests") - F("rate_limited")))
    )
    found: defaultdict[str, Counts] = defaultdict(dict)
    for model, key_id, project, answered in rows:
        counts, owner = found[model], project or key_id
        counts[owner] = counts.get(owner, 0) + answered
    return found
