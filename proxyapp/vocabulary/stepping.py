"""One way in two gears: a coroutine runs in callbacks, and in a task from its first long wait on.

Nearly every request waits for one thing, the first bytes of its upstream. A task, and a turn of the
loop for each wait, would cost more than all that is decided about it. So a `Stepper` runs the
coroutine: at once up to a `Wait`, and on from the very callback that ends the wait. When it waits
for anything else, or asks for it (`in_task`), the rest of the same coroutine becomes a task.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from proxyapp.vocabulary.in_task import BegunCoroutine
from proxyapp.vocabulary.waiting import Wait

Ended = Callable[[BaseException | None], object]


class Stepper:
    """Runs one coroutine from `start` to its end, of which `on_end` hears: its error, or None.

    `task`: what became of it, if it had to wait for long; `on_task` is told.
    """

    __slots__ = ("_coroutine", "_is_cancelled", "_is_running", "_loop", "_on_end", "_on_task",
                 "_wait", "task")  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, None],
        on_end: Ended,
        on_task: Callable[[asyncio.Task[None]], object],
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self._loop = loop
        self._coroutine = coroutine
        self._on_end = on_end
        self._on_task = on_task
        self._wait: Wait | None = None
        self._is_running = False
        self._is_cancelled = False

    def start(self) -> None:
        """To be called where no task runs."""
        self._advance(None)

    def go_on(self) -> None:
        if self._is_running or asyncio.current_task(self._loop) is not None:
            self._loop.call_soon(self._go_on_if_waiting)
        else:
            self._advance(None)

    def cancel(self) -> None:
        """As a task's, but that it is at once wherever that can be."""
        if self.task is not None:
            self.task.cancel()
        elif self._is_running or asyncio.current_task(self._loop) is not None:
            self._is_cancelled = True
            self._loop.call_soon(self._cancel_if_waiting)
        elif self._wait is not None:
            self._advance(asyncio.CancelledError())

    def _go_on_if_waiting(self) -> None:
        if self._wait is not None:
            self._advance(None)

    def _cancel_if_waiting(self) -> None:
        if self._is_cancelled and self._wait is not None:
            self._advance(asyncio.CancelledError())

    def _advance(self, error: BaseException | None) -> None:
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.stepper = None
        self._is_running = True
        coroutine = self._coroutine
        try:
            if error is None:
                waited = coroutine.send(None)
            else:
                self._is_cancelled = False  # once is enough: what cleans up may wait
                waited = coroutine.throw(error)
        except StopIteration:
            self._on_end(None)
        except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 (as a task does)
            self._on_end(failure)
        else:
            self._wait_for(waited)
        finally:
            self._is_running = False

    def _wait_for(self, waited: Any) -> None:
        if isinstance(waited, Wait):
            self._wait = waited
            waited.stepper = self
            return
        task = self.task = self._loop.create_task(BegunCoroutine(self._coroutine, waited))
        task.add_done_callback(self._task_ended)
        self._on_task(task)
        if self._is_cancelled:
            task.cancel()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._on_end(asyncio.CancelledError() if task.cancelled() else task.exception())
