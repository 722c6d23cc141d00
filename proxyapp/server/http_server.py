"""A server's side of its clients: their connections, the requests that run, and what each of them
may take.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from django.conf import settings

from proxyapp.vocabulary.asgi import Application, DirectExchange, Scope
from proxyapp.vocabulary.errors import StreamBroken
from proxyapp.vocabulary.stepping import Stepper

CLOSE_SECONDS = 10.0  # for an application to notice that its client has left

logger = logging.getLogger(__name__)


class ConnectionLimits(NamedTuple):
    """`idle`: between requests.

    `head`: for a request line and its headers. `body`: without a byte of it, and for a whole one
    besides a second for each 500 bytes. `stall`: for a reader to take what waits for it here.
    """

    body_bytes: int
    idle: float = 75.0
    head: float = 30.0
    body: float = 60.0
    stall: float = 300.0

    @classmethod
    def of_settings(cls) -> "ConnectionLimits":
        return cls(
            settings.MAX_BODY_BYTES,
            head=settings.HEADER_TIMEOUT_SECONDS,
            body=settings.BODY_TIMEOUT_SECONDS,
            stall=settings.STALL_TIMEOUT_SECONDS,
        )


class OpenConnection(Protocol):
    """What a server asks of a connection. `deadline`: 0 while nothing is due."""

    deadline: float

    @property
    def is_answering(self) -> bool: ...

    def drain(self) -> None: ...

    def abort(self) -> None: ...

    def expire(self) -> None: ...


class ApplicationExchange(DirectExchange, Protocol):
    """A request that an application answers, in either way."""

    async def send(self, message: Mapping[str, Any]) -> None: ...

    def application_ended(self, error: BaseException | None) -> None: ...


class HttpServer:
    """What a connection is told of its server, and tells it. The same under Daphne and uvicorn."""

    loop: asyncio.AbstractEventLoop
    application: Application

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.now = 0.0
        self.is_draining = self.is_cut = False
        self.open_connections: set[OpenConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.late: dict[asyncio.Task[None], float] = {}

    def run_application(
        self, scope: Scope, exchange: "ApplicationExchange"
    ) -> "Stepper | asyncio.Task[None]":
        """Directly where the application does that, else with ASGI."""
        direct: Any = getattr(self.application, "direct", None)
        coroutine = direct(scope, exchange) if direct is not None else None
        if coroutine is not None:
            return Stepper(self.loop, coroutine, exchange.application_ended, self._keep)
        whole: Any = self.application(scope, exchange.receive, exchange.send)
        task: asyncio.Task[None] = self.loop.create_task(whole)
        task.add_done_callback(lambda task: exchange.application_ended(error_of(task)))
        self._keep(task)
        return task

    def _keep(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self._forget_task)

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.late.pop(task, None)
        self.report_change()

    def application_ended(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, StreamBroken | asyncio.CancelledError):
            logger.error("The application failed", exc_info=error)

    def client_left(self, running: "Stepper | asyncio.Task[None]") -> None:
        """What runs for it ends; with ASGI it gets CLOSE_SECONDS to find out."""
        if isinstance(running, Stepper):
            if running.task is None or not self.is_cut:  # else it has been told: it cleans up
                running.cancel()
            task = running.task
        else:
            task = running
        if task is not None and not task.done():
            self.late[task] = self.now + CLOSE_SECONDS

    def cut(self) -> None:
        """Ends what has not ended in time."""
        unfinished = [each for each in self.open_connections if each.is_answering]
        logger.warning("Requests that did not end in time were cut: %d", len(unfinished))
        for connection in list(self.open_connections):
            connection.abort()
        for task in self.tasks:
            task.cancel()
        self.is_cut = True

    def forget(self, connection: OpenConnection) -> None:
        self.open_connections.discard(connection)
        self.report_change()

    def report_change(self) -> None:
        """A connection or a request has ended."""

    def sweep(self) -> None:
        """Once a second for all connections: a timer for each would cost more than it times."""
        self.loop.call_later(1.0, self.sweep)
        self.now = now = self.loop.time()
        for connection in [each for each in self.open_connections if 0.0 < each.deadline < now]:
            connection.expire()
        for task in [task for task, due in self.late.items() if due < now]:
            task.cancel()


def error_of(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
