"""A server's side of its clients: their connections, the requests that run, and what each of them
may take.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from django.conf import settings

from proxyapp.vocabulary.asgi import Application, Receive, Scope, Send
from proxyapp.vocabulary.errors import StreamBroken

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

    def drain(self) -> None: ...

    def abort(self) -> None: ...

    def expire(self) -> None: ...


class HttpServer:
    """What a connection is told of its server, and tells it. The same under Daphne and uvicorn."""

    loop: asyncio.AbstractEventLoop
    application: Application

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.now = 0.0
        self.is_draining = False
        self.open_connections: set[OpenConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.late: dict[asyncio.Task[None], float] = {}

    def run_application(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        on_end: Callable[[asyncio.Task[None]], object],
    ) -> asyncio.Task[None]:
        coroutine: Any = self.application(scope, receive, send)
        task: asyncio.Task[None] = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(on_end)
        return task

    def application_ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.late.pop(task, None)
        self.report_change()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StreamBroken):
            logger.error("The application failed", exc_info=error)

    def expect_end(self, task: asyncio.Task[None]) -> None:
        """Its client has left: it gets CLOSE_SECONDS to find out."""
        self.late[task] = self.now + CLOSE_SECONDS

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
