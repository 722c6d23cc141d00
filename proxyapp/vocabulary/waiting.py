"""A wait that ends at once in either gear: of a `Stepper`'s coroutine, or of a task's."""

import asyncio
from collections.abc import Generator
from typing import Any, Protocol


class Waiting(Protocol):
    """Who runs the coroutine that waits: a Stepper."""

    def go_on(self) -> None: ...


class Wait:
    """Of one coroutine, once, until `end`; in either gear."""

    __slots__ = ("_future", "_is_over", "_loop", "stepper")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_over = False
        self._future: asyncio.Future[None] | None = None
        self.stepper: Waiting | None = None

    def __await__(self) -> Generator[Any, None, None]:
        if self._is_over:
            return
        if asyncio.current_task(self._loop) is None:
            while not self._is_over:  # what was to go on may wait for another one by then
                yield self
        else:
            self._future = self._loop.create_future()
            yield from self._future

    def end(self) -> None:
        """Who waits goes on: before this returns, or soon where a task runs just now."""
        self._is_over = True
        future, stepper = self._future, self.stepper
        if stepper is not None:
            self.stepper = None
            stepper.go_on()
        elif future is not None and not future.done():
            future.set_result(None)
