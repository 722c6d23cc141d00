"""Wakes whoever waits: asyncio's Event and Queue take up to 3 KB for it, and a session has several
for hours.
"""

import asyncio


class Signal:
    """One task waits at a time. What is said while nobody waits is not remembered."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def set(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
