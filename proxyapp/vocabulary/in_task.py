"""The second gear of `stepping`: what a coroutine that began without a task needs one for."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any


class _InTask:
    def __await__(self) -> Generator[Any, None, None]:
        yield self


IN_TASK = _InTask()


class BegunCoroutine(Coroutine[Any, Any, None]):
    """The rest of a coroutine that waits for `waited`, for a task, which takes only whole ones."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waited: Any) -> None:
        self._coroutine = coroutine
        self._waited = waited
        self._is_to_wait = waited is not IN_TASK

    def send(self, value: Any) -> Any:
        if self._is_to_wait:
            self._is_to_wait = False
            return self._waited
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """A task that is cancelled before its first step cancels what it would have waited for."""
        if self._is_to_wait:
            self._is_to_wait = False
            if isinstance(self._waited, asyncio.Future):
                self._waited.cancel()
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("only a task runs it")


async def in_task() -> None:
    """From here on a task runs, for what only works in one."""
    if asyncio.current_task() is None:
        await IN_TASK


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """asyncio's `timeout`, which wants a task, in either gear. Raises TimeoutError."""
    await in_task()
    async with asyncio.timeout(seconds):
        yield
