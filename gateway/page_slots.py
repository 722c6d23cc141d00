"""How many pages are made at a time: each takes a connection to the database meanwhile."""

import asyncio
from typing import Any

from proxyapp.vocabulary.asgi import Receive, Scope, Send

# A page may wait for what never comes, as behind a pooler whose server is gone: the others do not.
LONGEST_SECONDS = 30.0


class PageSlots:
    """The others wait, in their order. Who reads a page slowly keeps nobody waiting."""

    def __init__(self, application: Any, count: int) -> None:
        self._application = application
        self._free = asyncio.Semaphore(count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._free.acquire()
        slot = Slot(self._free)

        async def send_made(message: Any) -> None:
            slot.give_back()
            await send(message)

        try:
            await self._application(scope, receive, send_made)
        finally:
            slot.give_back()


class Slot:
    """Given back once: by its page, or when that takes too long."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free: asyncio.Semaphore | None = free
        self._end = asyncio.get_running_loop().call_later(LONGEST_SECONDS, self.give_back)

    def give_back(self) -> None:
        free, self._free = self._free, None
        if free is not None:
            self._end.cancel()
            free.release()
