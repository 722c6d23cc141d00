"""All Live sessions of this process: how many there are, whose, and whether they still live."""

import asyncio
import time
from collections import Counter
from typing import Protocol

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.vocabulary.errors import LimitReached, NoKeyAvailable
from proxyapp.vocabulary.kept_settings import kept

# As websockets' own; a proxy in front of the upstream keeps a silent connection for a minute.
PING_SECONDS = 20.0
RETRY_SECONDS = 10


class WatchedSession(Protocol):
    async def look(self) -> None: ...


class LiveSessions:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._places: Counter[int] = Counter()
        self._count = 0
        self._sessions: set[WatchedSession] = set()
        self._watch: asyncio.Task[None] | None = None

    def enter(self, client: Client) -> None:
        """To be left with `leave`. Raises LimitReached or NoKeyAvailable."""
        limit = client.live_sessions
        if limit is not None and self._places[client.id] >= limit:
            raise LimitReached(
                f"The gateway lets this client token have {limit} Live sessions at a time, and it"
                " has them; close one first.",
                retry_after=RETRY_SECONDS,
            )
        if self._count >= kept.LIVE_SESSIONS:
            raise NoKeyAvailable(
                f"This process of the gateway has {kept.LIVE_SESSIONS} Live sessions, and takes no"
                " more (LIVE_SESSIONS).",
                retry_after=RETRY_SECONDS,
            )
        self._count += 1
        if client is not ANYONE:
            self._places[client.id] += 1

    def leave(self, client: Client) -> None:
        self._count -= 1
        if client is not ANYONE:
            self._places[client.id] -= 1
            if not self._places[client.id]:
                del self._places[client.id]

    def begin(self, session: WatchedSession) -> None:
        """Watches it until `end`."""
        self._sessions.add(session)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._ping_often())

    def end(self, session: WatchedSession) -> None:
        self._sessions.discard(session)

    async def _ping_often(self) -> None:
        """While there is any. Those of one moment take turns: all at once would be a burst."""
        while self._sessions:
            due = time.monotonic() + PING_SECONDS
            for session in list(self._sessions):
                await session.look()
                await asyncio.sleep(0)
            await asyncio.sleep(due - time.monotonic())
