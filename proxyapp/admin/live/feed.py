"""What all open pages of this process are told, read once for all of them.

A feed runs while anybody watches, on one event loop, with one thread of its own for the database.
Each second it looks with one query whether anything happened; it reads the pages' data only when
something did, or a cooldown has ended. Every process has its own feed: the database is where they
meet.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from django.db import Error as DatabaseError
from django.utils import translation

from proxyapp import runtime
from proxyapp.admin.live.changes import Composer, Marker, PageWish, is_due, look
from proxyapp.admin.live.frame import Frame
from proxyapp.admin.live.sessions import Visitor, still_welcome
from proxyapp.admin.live.subscriber import Close, Send, Subscriber, report_failure
from proxyapp.database.outage import DatabaseAway
from proxyapp.database.thread import DatabaseThread
from proxyapp.vocabulary.close_codes import RESTART

logger = logging.getLogger(__name__)
# A change of the pool that this process knows of already, or the end of a cooldown, is shown so
# soon. No tick asks the database by itself.
TICK_SECONDS = 0.2
# What other processes did is on the page within about a second, for one query a second.
LOOK_SECONDS = 1.0
# Pages close within seconds of a log-out or a new password.
SESSIONS_SECONDS = 2.0
# After a failure: long enough not to press a database that is in trouble.
RETRY_SECONDS = 2.0
# After a reading, the thread rests for so many times as long as it took: a large pool must not keep
# a core busy.
REST = 4.0
# As for loading the pool: after so long the database counts as away.
READ_SECONDS = 30.0
# An application's own close code (RFC 6455, section 7.4.2). After RESTART a page connects again.
NOT_WELCOME = 4401
Result = TypeVar("Result")


class Feed:
    """The newest frame in each language that is watched, and the open pages that are told of it.

    Belongs to one event loop, and begins when it is made. `stop` ends it for good.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.frames: Mapping[str, Frame] = {}
        self.subscribers: set[Subscriber] = set()
        self._composers: Mapping[str, Composer] = {}
        self._thread = DatabaseThread("live")
        self._marker = Marker()
        self._loaded = 0
        self._wakes = asyncio.Event()
        self._is_stopping = False
        self._is_stale = False
        self._look_at = self._welcome_at = self._rests_until = 0.0
        self._task = self.loop.create_task(self._run())
        self._task.add_done_callback(report_failure)

    def add(self, visitor: Visitor, send: Send, close: Close) -> Subscriber:
        subscriber = Subscriber(self, visitor, send, close)
        self.subscribers.add(subscriber)
        return subscriber

    def watch(self, subscriber: Subscriber, wish: PageWish) -> None:
        subscriber.watch(wish)
        self._wakes.set()

    async def stop(self) -> None:
        """Closes what is open, and the thread's connection."""
        self._is_stopping = True
        self._wakes.set()
        await self._dismiss(self.subscribers, RESTART)
        await asyncio.gather(self._task, return_exceptions=True)
        await self.loop.run_in_executor(None, self._thread.close)

    def frame_in(self, language: str) -> Frame | None:
        return self.frames.get(language)

    async def encode(self, frame: Frame) -> str:
        return await self._in_thread(lambda: frame.full)

    # What it does all the time.

    async def _run(self) -> None:
        while not self._is_stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wakes.wait(), TICK_SECONDS)
            self._wakes.clear()
            if self._is_stopping:
                return
            try:
                await self.tick()
            except DatabaseError:
                self._rest(RETRY_SECONDS)
                self._say_that_the_database_is_away()
            except Exception:
                logger.exception("What open pages show could not be read")
                self._rest(RETRY_SECONDS)

    async def tick(self) -> None:
        """Raises django.db.Error."""
        now = self.loop.time()
        if now < self._rests_until:
            return
        if is_database_away():
            raise DatabaseAway
        if now >= self._welcome_at:
            self._welcome_at = now + SESSIONS_SECONDS
            await self._check_sessions()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._is_stale |= await self._in_thread(_look) != self._marker
        if self._is_stale or self._knows_of_news() or not self._shows(self._wishes()):
            await self._read()

    def _knows_of_news(self) -> bool:
        """Without a query: this process has loaded the pool anew, or a cooldown has ended."""
        if loaded_version() != self._loaded or not self.frames:
            return True
        return any(map(is_due, self.frames.values()))

    def _wishes(self) -> dict[str, PageWish]:
        """By their language."""
        wishes: dict[str, PageWish] = {}
        for wish in (subscriber.wish for subscriber in self.subscribers if subscriber.wish):
            known = wishes.get(wish.language)
            wishes[wish.language] = known.with_that_of(wish) if known else wish
        return wishes

    def _shows(self, wishes: Mapping[str, PageWish]) -> bool:
        return all(
            (frame := self.frames.get(language)) is not None
            and (not wish.dashboard or frame.dashboard is not None)
            and wish.keys <= frame.asked
            for language, wish in wishes.items()
        )

    async def _read(self) -> None:
        wishes = self._wishes()
        if not wishes:
            return
        since = self.loop.time()
        loaded = loaded_version()
        frames, self._marker = await self._in_thread(functools.partial(self._compose, wishes))
        self._loaded = loaded
        self._is_stale = False
        self._rest((self.loop.time() - since) * REST)
        self._show(frames)

    def _compose(self, wishes: Mapping[str, PageWish]) -> tuple[dict[str, Frame], Marker]:
        """What nobody watches in a language is forgotten."""
        kept = self._composers
        self._composers = {name: kept.get(name) or Composer(name) for name in wishes}
        made = {
            name: self._composers[name].compose(wish, self.frames.get(name))
            for name, wish in wishes.items()
        }
        first_look = next(iter(made.values()))[1]
        return {name: frame for name, (frame, _) in made.items()}, first_look

    def _show(self, frames: Mapping[str, Frame]) -> None:
        self.frames = frames
        for subscriber in self.subscribers:
            subscriber.notify()

    def _rest(self, seconds: float) -> None:
        self._rests_until = self.loop.time() + seconds

    def _say_that_the_database_is_away(self) -> None:
        now, frames = datetime.now(UTC), {}
        for language, frame in self.frames.items():
            with translation.override(language):
                frames[language] = frame.without_database(now)
        if frames:
            self._show(frames)

    async def _check_sessions(self) -> None:
        visitors = {subscriber.visitor for subscriber in self.subscribers}
        if not visitors:
            return
        welcome = await self._in_thread(lambda: still_welcome(visitors, datetime.now(UTC)))
        gone = visitors - welcome
        await self._dismiss(
            {each for each in self.subscribers if each.visitor in gone}, NOT_WELCOME
        )

    async def _dismiss(self, subscribers: set[Subscriber], code: int) -> None:
        dismissed = list(subscribers)
        self.subscribers -= set(dismissed)
        await asyncio.gather(*(subscriber.close(code) for subscriber in dismissed))

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await self._thread.run(work, READ_SECONDS)


class Live:
    """This process's feed, while anybody watches. An application has one."""

    def __init__(self) -> None:
        self._feed: Feed | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    def feed(self) -> Feed:
        if self._feed is None or self._feed.loop is not asyncio.get_running_loop():
            self._feed = Feed()
        return self._feed

    async def leave(self, feed: Feed, subscriber: Subscriber) -> None:
        """With the last subscriber the feed ends."""
        feed.subscribers.discard(subscriber)
        await subscriber.stop()
        if not feed.subscribers and feed is self._feed:
            await self.stop()

    async def stop(self) -> None:
        """Goes on to its end even if who asked for it is cancelled."""
        feed, self._feed = self._feed, None
        if feed is not None:
            task = asyncio.get_running_loop().create_task(feed.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
            await asyncio.shield(task)


def loaded_version() -> int:
    """Of the pool, in this process."""
    current = runtime.current()
    return current.snapshot.version if current else 0


def is_database_away() -> bool:
    """As this process knows already."""
    current = runtime.current()
    return current is not None and current.threads.is_away


def _look() -> Marker:
    return look(datetime.now(UTC))
