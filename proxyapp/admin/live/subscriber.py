"""One open socket: what its page shows, what it was told, and a task that tells it what is new.

The task sends at its client's pace and always of the newest frame: what a slow client missed is
left out, and no other waits for it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from proxyapp.admin.live.changes import PageWish
from proxyapp.admin.live.frame import Frame, WatchedKey, encoded_message, keys_message
from proxyapp.admin.live.sessions import Visitor

logger = logging.getLogger(__name__)
# Proxies cut silent connections, nginx after 60 s; a page that hears nothing for 50 s (`live.js`)
# connects again.
PING_SECONDS = 20.0
# A client that does not read would hold up the closing of the others.
CLOSE_SECONDS = 5.0
# A task that heard the cancellation ends at once.
CANCEL_AGAIN_SECONDS = 0.1
Send = Callable[[str], Awaitable[None]]
Close = Callable[[int], Awaitable[None]]


class FrameSource(Protocol):
    """What a subscriber knows of its feed."""

    def frame_in(self, language: str) -> Frame | None:
        """The newest."""

    async def encode(self, frame: Frame) -> str:
        """The whole frame as a message."""


class Subscriber:
    """One open page and the task that sends to it, which begins when it is made.

    `visitor`: who may see it. `wish`: what it shows.
    """

    def __init__(self, feed: FrameSource, visitor: Visitor, send: Send, close: Close) -> None:
        self.visitor = visitor
        self.wish = PageWish()
        self._feed = feed
        self._send = send
        self._close = close
        self._has_news = asyncio.Event()
        self._seen_number: int | None = None
        self._seen_keys: dict[int, WatchedKey] = {}
        self._task = asyncio.get_running_loop().create_task(self._tell())
        self._task.add_done_callback(report_failure)

    def watch(self, wish: PageWish) -> None:
        """From now on it is told of this, and first all of it."""
        self.wish = wish
        self._seen_number = None
        self._seen_keys = {}
        self.notify()

    def notify(self) -> None:
        """There is a new frame, or another wish."""
        self._has_news.set()

    async def stop(self) -> None:
        """Cancelled until it is: a library that it passes through can lose one cancellation."""
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_AGAIN_SECONDS)

    async def close(self, code: int) -> None:
        """Tells it nothing more. A client that does not read cannot hold this up."""
        await self.stop()
        # It has left, or is closed already.
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            await asyncio.wait_for(self._close(code), CLOSE_SECONDS)

    async def _tell(self) -> None:
        """Until it is cancelled, or the client has left."""
        with contextlib.suppress(OSError):
            while True:
                try:
                    async with asyncio.timeout(PING_SECONDS):
                        await self._has_news.wait()
                except TimeoutError:
                    await self._send(encoded_message({"type": "ping", "at": int(time.time())}))
                    continue
                self._has_news.clear()
                text = await self._news(self._feed.frame_in(self.wish.language))
                if text is not None:
                    await self._send(text)

    async def _news(self, frame: Frame | None) -> str | None:
        if frame is None:
            return None
        if self.wish.dashboard:
            return await self._of_dashboard(frame)
        return self._of_keys(frame)

    async def _of_dashboard(self, frame: Frame) -> str | None:
        """Whoever missed a frame gets the next one whole."""
        if frame.dashboard is None or frame.number == self._seen_number:
            return None
        is_next = frame.number - 1 == self._seen_number
        self._seen_number = frame.number
        return frame.update if is_next else await self._feed.encode(frame)

    def _of_keys(self, frame: Frame) -> str | None:
        """Whose frame has been asked for after this wish: others do not know all keys."""
        if not self.wish.keys or not self.wish.keys <= frame.asked:
            return None
        found = [frame.keys[key_id] for key_id in sorted(self.wish.keys) if key_id in frame.keys]
        news = [key for key in found if key.says_more_than(self._seen_keys.get(key.row.id))]
        self._seen_keys.update({key.row.id: key for key in news})
        return keys_message([key.message for key in news]) if news else None


def report_failure(task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.error("A live page got no more news", exc_info=error)
