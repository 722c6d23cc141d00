"""Answers that are kept for a while and asked for once, however many want them meanwhile."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, Protocol, TypeVar


class Lasting(Protocol):
    """`good_seconds`: for how long it is an answer."""

    @property
    def good_seconds(self) -> float: ...


Answer = TypeVar("Answer", bound=Lasting)


class KeptAnswers(Generic[Answer]):
    """`most`: so many are kept. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[float, Answer]] = {}
        self._asked: dict[Hashable, asyncio.Task[Answer]] = {}

    async def get(self, name: Hashable, ask: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Who asked first may leave: the others get their answer all the same."""
        until, answer = self._kept.get(name, (0.0, None))
        if answer is not None and time.monotonic() < until:
            return answer
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.get_running_loop().create_task(ask())
            task.add_done_callback(lambda done: self._take(name, done))
        return await asyncio.shield(task)

    def _take(self, name: Hashable, done: "asyncio.Task[Answer]") -> None:
        self._asked.pop(name, None)
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._kept) >= self._most:
            self._kept.clear()
        answer = done.result()
        self._kept[name] = (time.monotonic() + answer.good_seconds, answer)

    def forget(self, name: Hashable) -> None:
        self._kept.pop(name, None)

    def close(self) -> None:
        for task in list(self._asked.values()):
            task.cancel()
