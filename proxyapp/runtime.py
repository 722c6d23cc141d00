"""What one process of the gateway holds: the pool, the leases, the counters, the upstreams.

It is bound to an event loop. Servers start and stop it; a plain ASGI server without lifespan starts
it with the first request.
"""

import asyncio
import atexit
import contextlib
import functools
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from gateway.start_environment import GIVEN
from proxyapp.access.bad_tokens import Slowdown
from proxyapp.access.client_address import TrustedProxies
from proxyapp.access.limits import ClientLimits
from proxyapp.access.pool_source import News, PoolSource, can_take
from proxyapp.costs.currencies import note_currency
from proxyapp.costs.present import present_book
from proxyapp.database.clock import ClockWarning, database_time
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.cooldown_writer import Cooling
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.flush import Flush
from proxyapp.ledger.key_revival import KeyRevival
from proxyapp.ledger.pruning import prune_often, within
from proxyapp.ledger.request_log import RequestLog
from proxyapp.ledger.request_log_trim import trim_when_due
from proxyapp.ledger.shared_answers import SharedAnswers
from proxyapp.ledger.used_limits import reread_limits
from proxyapp.ledger.writer import Writing
from proxyapp.metrics.process_metrics import MeasuredProcess, ProcessMetrics
from proxyapp.metrics.shared_files import RUN
from proxyapp.pool import store, taking
from proxyapp.pool.day_requests import DayRequests
from proxyapp.pool.day_use import DayUse
from proxyapp.pool.exits import FailingExit
from proxyapp.pool.last_words import LastWords
from proxyapp.pool.leasing import Leasing
from proxyapp.pool.off_groups import OffGroups
from proxyapp.pool.probation import Recovery
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.single_credential import keep_single_credential
from proxyapp.quota.client_places import ClientPlaces
from proxyapp.quota.holder_names import own_name
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.quota.leases import QuotaLeases
from proxyapp.quota.limit_book import LimitBook
from proxyapp.requests.own_hearers import OwnHearers
from proxyapp.requests.told import RequestsTold
from proxyapp.resources.book import ResourceBook
from proxyapp.upstream.key_probe import probe
from proxyapp.upstream.key_prober import KeyProber
from proxyapp.upstream.upstreams import Upstreams, verifying_context
from proxyapp.vocabulary.clock import JumpDetector
from proxyapp.vocabulary.kept_answers import KeptAnswers

logger = logging.getLogger(__name__)
# A change has to reach every process within a second: the other half is for loading it.
POLL_SECONDS = 0.5
# A process that is killed may lose a second of its counts: the pause and the write fit into one.
FLUSH_SECONDS = 0.8
# So many times as long as the last one took, the next one waits: those of 10,000 keys in several
# processes would keep a busy database busy, and each other waiting. A spool is always quick.
FLUSH_PAUSE = 2.0
MOST_FLUSH_SECONDS = 4.0
# After a quiet time a count is soon seen in the admin, together with those that come along with it.
FIRST_FLUSH_SECONDS = 0.1
# Of the whole pool, thousands of rows; where there are few, ANSWER_SECONDS tell an outage.
LOAD_SECONDS = 30.0
# Of a target each, in two dialects, and of those that some client tokens may use of it.
MOST_MODEL_LISTS = 256
# What was learned of limits grows old.
BOOK_SECONDS = 3600.0
# For whoever looks at /readyz after setting a clock.
CLOCK_SECONDS = 5.0


class Runtime:
    """Builds and holds what one process has, and keeps it fresh.

    `snapshot` and `book` are renewed when the pool's version moves; all else lives from `start` to
    `stop`. Five tasks watch the pool and the clock, write counts, prune rows and the log, ask
    dead keys again.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.threads = DatabaseThreads()
        self.writing = Writing(
            self.threads, settings.VAR_DIR / "spool", lambda version: self.cooling.confirm(version)
        )
        self.clock = ClockWarning()
        self.told = RequestsTold()
        self.trusted = TrustedProxies(settings.TRUSTED_PROXIES)
        self._source = PoolSource()
        self._tasks: list[asyncio.Task[None]] = []
        self._refreshing = asyncio.Lock()
        self._has_news = asyncio.Event()
        self._is_stopping = asyncio.Event()
        self._clock_due = 0.0
        self._book_due = time.monotonic() + BOOK_SECONDS

    async def start(self) -> None:
        """Raises django.db.Error when the database cannot be read: there is nothing to serve."""
        await self.threads.connect()
        await self.writing.catch_up()  # what a process that died has left belongs to the pool
        self.clock.hear(await self.threads.read(database_time))
        self._off_groups = OffGroups(self.threads)
        await self._off_groups.write((), self.clock.now().timestamp())
        self.snapshot, self.book = await self.threads.read(self._source.load, LOAD_SECONDS)
        self.last_words = LastWords(self.threads)
        self.model_lists = KeptAnswers[Any](MOST_MODEL_LISTS)
        self.resources = ResourceBook(self.threads, self.writing.resources)
        self.limits = ClientLimits(self.threads)
        self.limits.install(self.book)
        note = functools.partial(note_currency, datetime.now(UTC))
        self.currencies = await self.threads.urgent(note)
        self.counting = Counting(self.limits, await self.threads.read(present_book))
        self.told.add(self.counting.count_outcome)
        await reread_limits(self.limits, self.counting, self.writing.usage)
        self.slowdown = Slowdown(self.trusted)
        self.upstreams = Upstreams(await self.loop.run_in_executor(None, verifying_context))
        self.upstreams.exits.install(self.snapshot)
        self.quota = QuotaKeeper(self.snapshot, LimitBook(self.snapshot))
        day_use = DayUse(self.quota.day_fraction)
        self._day_requests = DayRequests(self.threads, day_use)
        self.leasing = Leasing(self.threads, self.snapshot, self._hear_version, day_use)
        self.recovery = Recovery(self.snapshot.past_refusals)
        self.quota_leases = QuotaLeases(self.threads, self.quota, own_name())
        self.places = ClientPlaces(self.quota)
        self.queue = KeyQueue(self.leasing, self.recovery, self.snapshot, self.quota)
        self.quota.on_room = self.queue.look_again
        self.cooling = Cooling(self.writing.cooldowns, self.snapshot, self.recovery)
        shared = SharedAnswers(self.threads, self.clock.now)
        self.prober = KeyProber(functools.partial(probe, self.upstreams), shared)
        revival = KeyRevival(self.threads, shared, self.prober, lambda: self.snapshot.keys)
        self._log = RequestLog(self.writing.requests, self.counting.touched)
        if settings.REQUEST_LOG != "off":
            self.told.add(self._log.hear)
        self._flush = Flush(
            self.threads, self.writing.usage, self.counting, self.leasing, self.limits, self._log
        )
        self.metrics = await self._started_metrics() if settings.METRICS else None
        atexit.register(self._flush.run_at_exit)
        self._own_hearers = OwnHearers(self.told)
        await self._own_hearers.start(
            has_lines=settings.ACCESS_LOG, collector=settings.OTEL_EXPORTER_OTLP_ENDPOINT
        )
        works = (
            self._watch(),
            self._flush_often(),
            prune_often(self.threads, self._is_stopping),
            trim_when_due(self.threads, self._log.is_trim_due, self._is_stopping),
        )
        self._tasks = [self.loop.create_task(work) for work in works]
        self._reviving = self.loop.create_task(revival.run())

    async def _started_metrics(self) -> ProcessMetrics:
        metrics = ProcessMetrics(
            settings.VAR_DIR,
            GIVEN.get(RUN, ""),
            MeasuredProcess(
                self.told,
                self.queue,
                self.leasing,
                self.quota,
                snapshot=lambda: self.snapshot,
                is_database_up=lambda: not self.threads.is_away,
                spool=settings.VAR_DIR / "spool",
            ),
        )
        await metrics.start()
        return metrics

    def _hear_version(self, version: int) -> None:
        if version > self.snapshot.version:
            self._has_news.set()

    async def _watch(self) -> None:
        """Every change of the pool arrives within POLL_SECONDS, or with the next lease.

        The clock is looked at however long the database lets us wait.
        """
        jumps = JumpDetector()
        look: asyncio.Task[None] | None = None
        while not self._is_stopping.is_set():
            await within(POLL_SECONDS, self._has_news)
            self._has_news.clear()
            self._hear_jump(jumps.look())
            if self.threads.is_away:
                self._wake_groups()
            if look is None or look.done():
                look = self.loop.create_task(self._look_at_pool())
        if look is not None:
            await look

    async def _look_at_pool(self) -> None:
        try:
            await self.writing.catch_up()
            now = self.clock.now().timestamp()
            await self._off_groups.write(self.snapshot.order.values(), now)
            await self.refresh()
            if time.monotonic() >= self._clock_due:
                self.clock.hear(await self.threads.read(database_time))
                self._clock_due = time.monotonic() + CLOCK_SECONDS
            if time.monotonic() >= self._book_due:
                self.quota.install(self.snapshot, LimitBook(self.snapshot))
                self._book_due = time.monotonic() + BOOK_SECONDS
            await self._day_requests.look(self.snapshot)
            await self.limits.look()
            await self.quota_leases.look()
            await reread_limits(self.limits, self.counting, self.writing.usage)
        except DatabaseError:
            await within(POLL_SECONDS, self._is_stopping)
        except Exception:
            logger.exception("The look at the pool failed")

    def _wake_groups(self) -> None:
        """Without the database. Whatever happens, the watch goes on."""
        try:
            if keys := self._off_groups.wake(self.snapshot, self.clock.now().timestamp()):
                self.leasing.install(self.snapshot)
                self.quota.install(self.snapshot, LimitBook(self.snapshot), keys)
                self._install()
        except Exception:
            logger.exception("Groups whose time is over are off until the database is back")

    def _hear_jump(self, jump: float) -> None:
        """Cooldowns and back-offs in memory last as long as before when the clock is set."""
        if jump:
            logger.warning("The machine's clock was set by %+.0f s", jump)
            for kept in (self.snapshot, self.recovery, self.cooling, self.quota):
                kept.shift(jump)

    async def refresh(self) -> None:
        """Takes up what is new of the pool, or loads it where that may be anything."""
        async with self._refreshing:
            known = self.snapshot.known
            if await self.threads.read(store.version_and_stamp) == known[:2]:
                return
            news = await self.threads.read(functools.partial(self._source.news, known))
            if news is not None and news.pool.has_prices:
                self.counting.prices = await self.threads.read(present_book)
            if news is None or not self._take(news):
                await self._reload()
            self._install()

    def _install(self) -> None:
        self.cooling.install(self.snapshot)
        self.upstreams.exits.install(self.snapshot)
        self.queue.install(self.snapshot)

    def _take(self, news: News) -> bool:
        if is_taken := can_take(self.snapshot, self.book, news):
            taking.take(self.snapshot, self.recovery, news.pool, time.time())
            self.leasing.install(self.snapshot)
            if news.pool.has_limits:
                self.quota.install(self.snapshot, LimitBook(self.snapshot), news.pool.keys)
            if news.book is not None:
                self.book = news.book
                self.limits.install(self.book)
        return is_taken

    async def _reload(self) -> None:
        before = self.snapshot
        snapshot, book = await self.threads.read(self._source.load, LOAD_SECONDS)
        prices = await self.threads.read(present_book)
        self.snapshot, self.book, self.counting.prices = snapshot, book, prices
        self.snapshot.keep_routes(before)
        self.quota.install(self.snapshot, LimitBook(self.snapshot))
        self.limits.install(self.book)
        self.leasing.install(self.snapshot)
        self.recovery.install(self.snapshot.past_refusals, time.time())

    async def _flush_often(self) -> None:
        is_dirty = self.counting.is_dirty
        while not self._is_stopping.is_set():
            await is_dirty.wait()
            await within(FIRST_FLUSH_SECONDS, self._is_stopping)
            while is_dirty.is_set() and not self._is_stopping.is_set():
                is_dirty.clear()
                began_at, counted_at = time.monotonic(), time.time()
                are_written = await self._flush.run()
                if are_written:
                    self.quota.note_written(counted_at)
                longer = FLUSH_PAUSE * (time.monotonic() - began_at) if are_written else 0.0
                pause = min(max(FLUSH_SECONDS, longer), MOST_FLUSH_SECONDS)
                await within(pause, self._is_stopping)

    async def keep_single_credential(self, group_id: int) -> None:
        """The group's target refused two credentials: remembered for every process."""
        with contextlib.suppress(DatabaseError):
            keep = functools.partial(keep_single_credential, group_id, datetime.now(UTC))
            await self.threads.urgent(keep)
            await self.refresh()

    async def stop(self) -> None:
        """Writes what is left to write. No request may come after it."""
        atexit.unregister(self._flush.run_at_exit)
        self._reviving.cancel()
        is_dirty, is_trim_due = self.counting.is_dirty, self._log.is_trim_due
        for event in (self._is_stopping, self._has_news, is_dirty, is_trim_due):
            event.set()
        if self.metrics is not None:
            await self.metrics.stop()
        await asyncio.gather(*self._tasks)  # not cancelled: what they are writing would be lost
        self.model_lists.close()
        await self.prober.aclose()
        await self.cooling.close()
        await self.resources.close()
        await self.leasing.close()
        with contextlib.suppress(DatabaseError):
            await self.writing.catch_up()
            await self.quota_leases.close()
        await self._own_hearers.close()
        await self._flush.run(is_last=True)
        await self.upstreams.aclose()
        await self.loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        self.writing.close()
        self.threads.close()


# What begins with a runtime and is cancelled before it stops: of rooms that stand above it.
Companion = Callable[[Runtime], Coroutine[None, None, None]]
companions: dict[str, Companion] = {}
_beside: list[asyncio.Task[None]] = []
_current: Runtime | None = None
_starting: asyncio.Lock | None = None


def running_now() -> Runtime | None:
    """This process's runtime, if it is started.

    (Asking for the running loop costs a system call on Python 3.11.)
    """
    return _current if _current is not None and _current.loop.is_running() else None


async def running() -> Runtime:
    """This process's runtime, started if need be."""
    return running_now() or await startup()


async def startup() -> Runtime:
    """Raises django.db.Error when the database cannot be read."""
    global _current, _starting
    loop = asyncio.get_running_loop()
    if _starting is None or (_current is not None and _current.loop is not loop):
        _current, _starting = None, asyncio.Lock()
    async with _starting:
        if _current is None:
            runtime = Runtime()
            await runtime.start()
            _beside[:] = [loop.create_task(begin(runtime)) for begin in companions.values()]
            _current = runtime
    return _current


async def shutdown() -> None:
    """Flushes and forgets the runtime; without one it does nothing."""
    global _current, _starting
    runtime, _current, _starting = _current, None, None
    if runtime is not None:
        await _cancel(_beside)
        await runtime.stop()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()


def failing_exits() -> list[FailingExit]:
    """Of this process."""
    return _current.upstreams.exits.failing if _current is not None else []


def current() -> Runtime | None:
    """For health checks: the runtime if there is one."""
    return _current
