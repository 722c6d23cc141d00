"""The metrics of one process: counts what it hears, tells the others, and answers for all."""

import asyncio
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from proxyapp.metrics.counts import LAG_BOUNDS, LEASE_WAIT, LOOP_LAG, QUEUE_WAIT, Counts, add_counts
from proxyapp.metrics.present import KeysNow, QuotaRow, highest, quota_rows
from proxyapp.metrics.shared_files import SharedFiles, Telling
from proxyapp.metrics.tally import RequestTally
from proxyapp.pool.leasing import Leasing
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.requests.told import RequestsTold
from proxyapp.vocabulary.buckets import Buckets

logger = logging.getLogger(__name__)
# A process that is killed loses what it has not told.
TELL_SECONDS = 1.0
# What moves by itself, such as the lag, is told so often where nothing else does.
QUIET_TICKS = 10


class MeasuredProcess(NamedTuple):
    """What of a process is measured. `snapshot`, `is_database_up`: as they are when asked."""

    told: RequestsTold
    queue: KeyQueue
    leasing: Leasing
    quota: QuotaKeeper
    snapshot: Callable[[], Snapshot]
    is_database_up: Callable[[], bool]
    spool: Path


class ProcessMetrics:
    """Belongs to one event loop; disk, sums and text are the work of a thread of its own."""

    def __init__(self, folder: Path, run: str, measured: MeasuredProcess) -> None:
        self._measured = measured
        self._tally = RequestTally()
        self._lag = Buckets(LAG_BOUNDS)
        self._files = SharedFiles(folder, run)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._inherited: Counts = {}
        self._answers: dict[str, asyncio.Task[tuple[bytes, str]]] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._last_present: dict[str, Any] = {}
        self._groups_of: Snapshot | None = None
        self._version = -1

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._inherited = await loop.run_in_executor(self._thread, self._files.open)
        self._know_groups()
        self._measured.told.add(self._tally.hear)
        self._ticking = loop.create_task(self._tick_often())

    async def _tick_often(self) -> None:
        loop = asyncio.get_running_loop()
        ticks = 0
        while True:
            due = loop.time() + TELL_SECONDS
            await asyncio.sleep(TELL_SECONDS)
            self._lag.add(max(loop.time() - due, 0.0))
            ticks += 1
            try:
                await self._tell(is_due=ticks % QUIET_TICKS == 0)
            except Exception:
                logger.exception("Metrics could not be told")

    async def _tell(self, *, is_due: bool) -> None:
        self._know_groups()
        present = self._present(with_quotas=is_due)
        if is_due or self._tally.is_dirty or present != self._last_present:
            self._last_present = present
            self._tally.is_dirty = False
            told = Telling(self._counts(), present)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._files.write, told)

    def _know_groups(self) -> None:
        snapshot = self._measured.snapshot()
        if snapshot is not self._groups_of or snapshot.version != self._version:
            self._groups_of, self._version = snapshot, snapshot.version
            self._tally.groups = frozenset(snapshot.groups)

    def _present(self, *, with_quotas: bool) -> dict[str, Any]:
        quotas = self._last_present.get("quotas", [])
        if with_quotas and not self._measured.quota.is_idle:
            quotas = quota_rows(self._measured.quota)
        return {
            "in_flight": self._measured.told.under_way,
            "queued": self._measured.queue.waiting,
            "quotas": quotas,
        }

    def _counts(self) -> Counts:
        counts = self._tally.counts()
        measured = self._measured
        counts[QUEUE_WAIT] = {(): measured.queue.waits.numbers}
        counts[LEASE_WAIT] = {(): measured.leasing.waits.numbers}
        counts[LOOP_LAG] = {(): self._lag.numbers}
        add_counts(counts, self._inherited)
        return counts

    async def answer(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type. Who asks meanwhile gets the same."""
        task = self._answers.get(accept)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._made(accept))
            self._answers[accept] = task
            task.add_done_callback(lambda _: self._answers.pop(accept, None))
        return await asyncio.shield(task)

    async def _made(self, accept: str) -> tuple[bytes, str]:
        own = Telling(self._counts(), self._present(with_quotas=True))
        keys = KeysNow.of(self._measured.snapshot())
        is_up = self._measured.is_database_up()
        spool = self._measured.spool
        work = partial(text_of, accept, own, self._files, keys, spool, is_database_up=is_up)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def stop(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        loop = asyncio.get_running_loop()
        told = Telling(self._counts(), {})
        await loop.run_in_executor(self._thread, self._files.write, told)
        await loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        self._thread.shutdown(wait=True)
        self._files.close()


def text_of(
    accept: str,
    own: Telling,
    files: SharedFiles,
    keys: KeysNow,
    spool: Path,
    *,
    is_database_up: bool,
) -> tuple[bytes, str]:
    """The own part is told to the others first: none of them may say less later on. Blocks."""
    from proxyapp.metrics import families

    files.write(own)
    others, living = files.read_others()
    for other in others:
        add_counts(own.counts, other.counts)
    present = [own.present, *(other.present for other in others if other.present)]
    quotas: list[QuotaRow] = highest(each.get("quotas", ()) for each in present)
    return families.MetricsAnswer(
        counts=own.counts,
        present={
            families.IN_FLIGHT: sum(each.get("in_flight", 0) for each in present),
            families.QUEUED: sum(each.get("queued", 0) for each in present),
            families.PROCESSES: living + 1,
            families.SPOOL: bytes_in(spool),
            families.DATABASE: float(is_database_up),
        },
        keys=keys.by_group_and_state(),
        quotas=quotas,
        server=server_name(),
    ).text(accept)


def bytes_in(spool: Path) -> int:
    """Of files that may be gone by now."""
    total = 0
    for path in spool.glob("*.jsonl"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def server_name() -> str:
    return "uvicorn" if "proxyapp.server.uvicorn" in sys.modules else "daphne"
