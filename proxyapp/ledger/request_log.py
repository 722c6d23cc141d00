"""The log of requests: hears of each, keeps those that it takes until they are written."""

import asyncio
from collections.abc import Callable

from django.conf import settings

from proxyapp.ledger.outbox import Outbox
from proxyapp.ledger.request_log_rows import LogBatch
from proxyapp.requests.record import ClientOutcome, RequestRecord
from proxyapp.requests.sample import LogSample

# In a transaction.
MOST_ROWS = 1_000
# Of a process, in memory and in the spool: some 30 MB. What comes later in an outage is counted.
MOST_WAITING = 20_000
MOST_SPOOLED = 100_000
# Of REQUEST_LOG_ROWS: after so many new ones the oldest go.
TRIM_PART = 50


class RequestLog:
    """Of one process. `touched`: asks for a flush. `is_trim_due`: it has written many rows."""

    def __init__(self, outbox: Outbox, touched: Callable[[], None]) -> None:
        self._outbox = outbox
        self._touched = touched
        self._sample = LogSample(settings.REQUEST_LOG_PER_SECOND)
        self._is_errors_only = settings.REQUEST_LOG == "errors"
        self._most_written = max(settings.REQUEST_LOG_ROWS // TRIM_PART, 1)
        self._waiting: list[RequestRecord] = []
        self._spooled = self._written = 0
        self.is_trim_due = asyncio.Event()

    def hear(self, record: RequestRecord) -> None:
        if self._is_errors_only and record.outcome == ClientOutcome.OK:
            return
        is_first = not self._sample.is_waiting
        self._sample.add(record)
        if is_first:  # a flush comes back until nothing is waiting
            self._touched()

    async def flush(self, now: float, *, everything: bool = False) -> None:
        """`everything`: also of the second that is not over."""
        while batch := self._cut(now, everything=everything):
            if await self._outbox.write(batch.spooled, batch.write) is None:
                self._spooled += len(batch.records)
            else:
                self._note_written(len(batch.records))
        if self._sample.is_waiting:
            self._touched()

    def write_at_exit(self, now: float) -> None:
        """Without an event loop."""
        while batch := self._cut(now, everything=True):
            self._outbox.write_at_exit(batch.spooled, batch.write)

    def _cut(self, now: float, *, everything: bool) -> LogBatch | None:
        if not self._waiting:
            self._take(now, everything=everything)
        left_out = self._sample.take_left_out()
        if not self._waiting and not left_out:
            return None
        rows, self._waiting = self._waiting[:MOST_ROWS], self._waiting[MOST_ROWS:]
        return LogBatch(rows, left_out)

    def _take(self, now: float, *, everything: bool) -> None:
        if not self._outbox.is_waiting:
            self._spooled = 0
        taken = self._sample.take(now, everything=everything)
        most = min(MOST_WAITING, MOST_SPOOLED - self._spooled)
        for record in taken[most:]:
            self._sample.leave_out(record)
        self._waiting = taken[:most]

    def _note_written(self, rows: int) -> None:
        self._written += rows
        if self._written >= self._most_written:
            self._written = 0
            self.is_trim_due.set()
