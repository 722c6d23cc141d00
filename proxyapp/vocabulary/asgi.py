"""The words of ASGI, which a server and an application share (https://asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

Header = tuple[bytes, bytes]  # a name in lower case, and its value
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
# Extensions in a scope: an answer instead of a handshake, which is ASGI's, and a LongWebSocket.
INSTEAD_OF_HANDSHAKE = "websocket.http.response"
LONG_WEBSOCKET = "gateway.websocket"
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class DirectExchange(Protocol):
    """A client's request and its answer without a message for each step of ASGI.

    `request_id`: what the application calls it, for what the server itself answers.
    """

    request_id: str

    @property
    def is_stalled(self) -> bool:
        """Whether what was written waits for the client: `until_writable`."""
        ...

    def whole_body(self) -> bytes | None:
        """None: it is still coming, and is to be received part by part."""
        ...

    async def receive(self) -> dict[str, Any]:
        """ASGI's."""
        ...

    def start(self, status: int, headers: Sequence[Header]) -> None:
        """The head goes out with what is written first, or with `flush`."""
        ...

    def write(self, data: bytes) -> None: ...

    def flush(self) -> None: ...

    def finish(self, data: bytes) -> None:
        """With the last of the body."""
        ...

    async def until_writable(self) -> None: ...

    def abort(self) -> None:
        """Makes what the client has got so far a broken answer, never a complete one."""
        ...


class DirectApplication(Protocol):
    """An ASGI application that answers some requests without ASGI."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...

    def direct(self, scope: Scope, exchange: DirectExchange) -> Coroutine[Any, Any, None] | None:
        """None: this request is to be asked for with ASGI. The coroutine is cancelled when the
        client leaves."""
        ...


class LongWebSocket(Protocol):
    """What a server lets an application ask for beyond ASGI, for sessions of hours."""

    @property
    def is_draining(self) -> bool:
        """Whether the process is about to end."""
        ...

    def lengthen(self, most_bytes: int, on_drain: Callable[[float], None]) -> None:
        """Before it is accepted. `most_bytes`: of a message, either way. `on_drain` hears, once
        or more, in how many seconds the process ends; until then the socket is left alone.
        """
        ...

    def abort(self) -> None:
        """Drops the connection, whatever waits for the client."""
        ...
