"""An upstream whose connections follow scripts of exact bytes, on the test's own event loop."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECONDS = 5


class Peer:
    """The upstream's end of one connection."""

    def __init__(
        self,
        upstream: "ScriptedUpstream",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.upstream = upstream
        self.reader = reader
        self.writer = writer
        self._transport: Any = writer.transport

    async def read_head(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.upstream.heads.append(head)
        return head

    async def read_request(self) -> bytes:
        """A head and the body that its Content-Length announces; the body."""
        head = (await self.read_head()).lower()
        _, _, rest = head.partition(b"\r\ncontent-length:")
        return await self.reader.readexactly(int(rest.split(b"\r\n")[0] or b"0")) if rest else b""

    async def send(self, data: bytes) -> None:
        if self._transport.is_closing():  # uvloop's own error for it is a RuntimeError
            raise ConnectionResetError("the other side has left")
        self.writer.write(data)
        await self.writer.drain()

    def stop_reading(self) -> None:
        self._transport.pause_reading()

    def go_on_reading(self) -> None:
        self._transport.resume_reading()

    def reset(self) -> None:
        """Ends the connection without a goodbye."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()

    async def wait_for_eof(self) -> bytes:
        return await self.reader.read(-1)


Script = Callable[[Peer], Awaitable[None]]


def answering(*answers: bytes) -> Script:
    """Answers the requests on a connection one by one, then closes it when the client does."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.read_request()
            await peer.send(answer)
        await peer.wait_for_eof()

    return script


def closing_after(*answers: bytes) -> Script:
    """Closes the connection itself after the last answer."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.read_request()
            await peer.send(answer)

    return script


class ScriptedUpstream:
    """The n-th connection runs the n-th script, the ones after the last run the last."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.accepted = 0
        self.open = 0
        self._scripts = scripts
        self._tls = tls
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []

    async def __aenter__(self) -> "ScriptedUpstream":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: object, error: object, at: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failures and error is None:
            raise AssertionError("a script failed") from self._failures[0]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    async def wait_for_open(
        self, count: int, timeout: float = SECONDS, *, accepted: int = 0
    ) -> None:
        """Until exactly `count` connections are open, when so many have come at least."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: self.open == count and self.accepted >= accepted)

    async def wait_for_heads(self, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            while len(self.heads) < count:
                await asyncio.sleep(0.001)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        script = self._scripts[min(self.accepted, len(self._scripts) - 1)]
        self.accepted += 1
        await self._count(1)
        try:
            await script(Peer(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as failure:  # noqa: BLE001 a script may raise anything; __aexit__ reports it
            self._failures.append(failure)
        finally:
            writer.close()
            self._tasks.discard(task)
            await self._count(-1)

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open += change
            self._changed.notify_all()
