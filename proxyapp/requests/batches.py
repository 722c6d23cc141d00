"""Records on their way to a thread of their own, where there is time for words."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from proxyapp.requests.record import RequestRecord

logger = logging.getLogger(__name__)
# Soon enough for who watches a log, and seldom enough to cost a request nothing.
PAUSE_SECONDS = 0.1
# What a thread that cannot keep up (a disk that stalls, a terminal that is stopped) may hold.
MOST_WAITING = 10_000
# While it writes, the loop goes on only now and then.
MOST_AT_ONCE = 100
CLOSE_SECONDS = 5.0

Work = Callable[[Sequence[RequestRecord]], None]


class RecordBatches:
    """Belongs to one event loop. `work` runs on the thread, a batch at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Work, name: str) -> None:
        self._loop = loop
        self._work = work
        self._name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[RequestRecord] = []
        self._lost = 0
        self._due: asyncio.TimerHandle | None = None
        self._running: Future[None] | None = None

    def hear(self, record: RequestRecord) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(record)
        if self._due is None:
            self._due = self._loop.call_later(PAUSE_SECONDS, self._hand_over)

    def _hand_over(self) -> None:
        """Again later, while the thread has not done what it was given last."""
        if self._running is not None and not self._running.done():
            self._due = self._loop.call_later(PAUSE_SECONDS, self._hand_over)
            return
        self._due = None
        batch, self._waiting = self._waiting, []
        lost, self._lost = self._lost, 0
        if batch:
            self._running = self._thread.submit(self._run, batch, lost)

    def _run(self, batch: Sequence[RequestRecord], lost: int) -> None:
        try:
            for start in range(0, len(batch), MOST_AT_ONCE):
                self._work(batch[start : start + MOST_AT_ONCE])
            if lost:
                logger.warning(
                    "%s: %d requests are left out, there were too many", self._name, lost
                )
        except Exception:
            logger.exception("%s failed", self._name)

    async def close(self) -> None:
        """What is left is done within CLOSE_SECONDS. No record may come after it."""
        if self._due is not None:
            self._due.cancel()
        if self._running is not None:
            await self._within_time(self._running)
        if self._waiting and (self._running is None or self._running.done()):
            batch, self._waiting = self._waiting, []
            await self._within_time(self._thread.submit(self._run, batch, self._lost))
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _within_time(self, running: Future[None]) -> None:
        await asyncio.wait({asyncio.wrap_future(running)}, timeout=CLOSE_SECONDS)
