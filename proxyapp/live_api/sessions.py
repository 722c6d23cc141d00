"""All Live sessions of this process: how many there are, whose, and whether they still live."""

import asyncio
import time
from typing import Protocol

from proxyapp.access.admission import MESSAGES
from proxyapp.access.token_book import ANYONE, Client, TokenRefusal
from proxyapp.live_api.closing import Closing
from proxyapp.runtime import running_now
from proxyapp.vocabulary.close_codes import POLICY
from proxyapp.vocabulary.errors import NoKeyAvailable
from proxyapp.vocabulary.kept_settings import kept

# A session ends so soon after its token, or the time that a stalled side has.
LOOK_SECONDS = 5.0
RETRY_SECONDS = 10


class WatchedSession(Protocol):
    @property
    def client(self) -> Client: ...

    async def look(self) -> None:
        """Whether either side has stalled, or is gone."""

    async def end(self, closing: Closing) -> None: ...


class LiveSessions:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._sessions: set[WatchedSession] = set()
        self._watch: asyncio.Task[None] | None = None

    def enter(self) -> None:
        """To be left with `leave`. Raises NoKeyAvailable."""
        if self._count >= kept.LIVE_SESSIONS:
            raise NoKeyAvailable(
                f"This process of the gateway has {kept.LIVE_SESSIONS} Live sessions, and takes no"
                " more (LIVE_SESSIONS).",
                retry_after=RETRY_SECONDS,
            )
        self._count += 1

    def leave(self) -> None:
        self._count -= 1

    def begin(self, session: WatchedSession) -> None:
        """Watches it until `end`."""
        self._sessions.add(session)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._look_often())

    def end(self, session: WatchedSession) -> None:
        self._sessions.discard(session)

    async def _look_often(self) -> None:
        """While there is any. They take turns: all at once would be a burst."""
        while self._sessions:
            due = time.monotonic() + LOOK_SECONDS
            endings = self._endings(time.time())
            for session in list(self._sessions):
                why = endings.get(session.client.id)
                await (session.end(Closing(POLICY, why)) if why else session.look())
                await asyncio.sleep(0)
            await asyncio.sleep(due - time.monotonic())

    def _endings(self, now: float) -> dict[int, str]:
        """By client token: why it is good no longer."""
        runtime, ours = running_now(), {session.client.id for session in self._sessions}
        if runtime is None or ours == {ANYONE.id}:
            return {}
        endings = {}
        for client_id in ours - {ANYONE.id}:
            found = runtime.book.client_with(client_id, now)
            if isinstance(found, TokenRefusal):  # one that is deleted was revoked, too
                endings[client_id] = MESSAGES.get(found, MESSAGES[TokenRefusal.REVOKED])
        return endings
