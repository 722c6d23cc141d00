"""Tests of any number of keys, in the background: who asked may close the page meanwhile.

How far a test is says the database, for every process alike: each answer stands in `KeyProbe`.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from proxyapp.models import ApiKey, KeyProbe
from proxyapp.models.many_ids import among
from proxyapp.operators import key_tests
from proxyapp.operators.key_tests import Findings
from proxyapp.provider.probing import ProbeOutcome

logger = logging.getLogger(__name__)
# Two rounds of questions, of 10 s at most each.
PIECE = 40
# Longer than a piece takes: nobody is asking any more.
STALLED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class TestProgress:
    """`total`: of the keys that are still there. `heard_at`: when the last answer came."""

    total: int
    works: int = 0
    dead: Sequence[int] = ()
    unclear: int = 0
    heard_at: datetime | None = None
    rest: Sequence[int] = field(default=(), repr=False)

    @property
    def done(self) -> int:
        return self.works + len(self.dead) + self.unclear

    def is_over(self) -> bool:
        return self.done >= self.total

    def has_stopped(self, heard_at: datetime, now: datetime) -> bool:
        """The process that asked has ended. `heard_at`: when it was last known to ask."""
        return not self.is_over() and heard_at + STALLED < now


class AnswerClock:
    """Of one test: no answer is older than its beginning, however the machine's clock is set."""

    def __init__(self, key_ids: Sequence[int]) -> None:
        """Later than all that these keys have answered, which a clock that was ahead may have
        dated.
        """
        answers = KeyProbe.objects.filter(key__in=among(key_ids)).order_by()
        newest = answers.aggregate(last=Max("answered_at"))["last"]
        now = timezone.now()
        self.since = max(now, newest + timedelta(microseconds=1)) if newest else now
        self._began = time.monotonic()

    def now(self) -> datetime:
        passed = timedelta(seconds=time.monotonic() - self._began)
        return max(timezone.now(), self.since + passed)


def progress_of(key_ids: Sequence[int], since: datetime) -> TestProgress:
    there = set(
        ApiKey.objects.filter(pk__in=among(key_ids)).order_by().values_list("pk", flat=True)
    )
    answers = KeyProbe.objects.filter(key__in=among(key_ids), answered_at__gte=since).order_by()
    outcomes = dict(answers.values_list("key_id", "outcome"))
    counts = Counter(outcomes.values())
    dead = sorted(pk for pk, outcome in outcomes.items() if outcome == ProbeOutcome.DEAD)
    return TestProgress(
        total=len(there),
        works=counts[ProbeOutcome.WORKS],
        dead=dead,
        unclear=len(outcomes) - counts[ProbeOutcome.WORKS] - len(dead),
        heard_at=answers.aggregate(last=Max("answered_at"))["last"],
        rest=sorted(there - outcomes.keys()),
    )


class BackgroundTests:
    """One at a time in a process. `follow` does to keys what was found, in the asker's name."""

    def __init__(self) -> None:
        self._is_busy = threading.Lock()

    def begin(self, key_ids: Sequence[int], follow: Callable[[Findings], object]) -> bool:
        """False: another one is under way here. Raises RuntimeError where no thread can begin."""
        if not self._is_busy.acquire(blocking=False):
            return False
        try:
            threading.Thread(target=self._run, args=(key_ids, follow), daemon=True).start()
        except RuntimeError:
            self._is_busy.release()
            raise
        return True

    def _run(self, key_ids: Sequence[int], follow: Callable[[Findings], object]) -> None:
        try:
            for findings in key_tests.ask_in_pieces(key_ids, PIECE):
                follow(findings)
        except Exception:
            logger.exception("A test of keys ended early")
        finally:
            self._is_busy.release()
            connection.close()
