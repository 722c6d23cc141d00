"""HTTP/1.1 as bytes on a connection: what the fake upstream reads, writes and writes down."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

KEEP_BODIES_UP_TO = 1024 * 1024
WITHOUT_BODY = {204, 304}

Headers = Iterable[tuple[str | bytes, str | bytes]]


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived. `body` is empty when it was longer than KEEP_BODIES_UP_TO."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    body_sha256: str
    body_length: int
    is_complete: bool
    key: str | None
    at: float
    # What a chunk of an upload is (`tests.support.fake_uploads.Chunk`).
    chunk: Any = None

    @property
    def path(self) -> str:
        return self.target.partition(b"?")[0].decode("latin-1")

    @property
    def query(self) -> str:
        return self.target.partition(b"?")[2].decode("latin-1")

    def values(self, name: str) -> list[str]:
        """Every value of the header `name`, in order."""
        return [
            value.decode("latin-1")
            for field, value in self.headers
            if field.lower() == name.lower().encode()
        ]

    def value(self, name: str) -> str:
        return ", ".join(self.values(name))

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """The low-level side of one connection, for handlers that script raw bytes."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.gone = gone
        self.is_over = False

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, status: int, body: bytes = b"", headers: Headers = (), *, without_body: bool = False
    ) -> None:
        """A whole response with a Content-Length. `without_body`: it answers a HEAD."""
        framing = [] if status in WITHOUT_BODY else [("Content-Length", str(len(body)))]
        head = head_of(status, [*headers, *framing])
        await self.send(head if without_body or status in WITHOUT_BODY else head + body)

    async def send_chunk(self, data: bytes) -> None:
        if data:
            await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def finish_chunks(self) -> None:
        await self.send(b"0\r\n\r\n")

    def abort(self) -> None:
        """Resets the connection."""
        self.is_over = True
        self.writer.transport.abort()

    def close(self) -> None:
        """Ends the connection after what was sent."""
        self.is_over = True
        self.writer.close()


def head_of(status: int, headers: Headers) -> bytes:
    """The status line and headers of a response, empty line included."""
    lines = [
        b"HTTP/1.1 %d Fake" % status,
        *(_bytes(name) + b": " + _bytes(value) for name, value in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


async def read_head(reader: asyncio.StreamReader) -> tuple[str, bytes, list[tuple[bytes, bytes]]]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    method, target, _version = first.split(b" ")
    headers = [
        (name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)
    ]
    return method.decode(), target, headers


class Body:
    """Reads a request's body and keeps its hash, its length and, when it is short, its bytes.

    `taking` gets every part as it comes.
    """

    def __init__(self, taking: Callable[[bytes], None] | None = None) -> None:
        self._taking = taking
        self._hash = hashlib.sha256()
        self.length = 0
        self.kept = b""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def read(self, connection: Connection, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether all of it arrived."""
        framing = {name.lower(): value.lower() for name, value in headers}
        reader = connection.reader
        try:
            if framing.get(b"expect") == b"100-continue":
                await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if b"chunked" in framing.get(b"transfer-encoding", b""):
                await self._read_chunks(reader)
            else:
                await self._read_exactly(reader, int(framing.get(b"content-length", b"0")))
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        return True

    async def _read_chunks(self, reader: asyncio.StreamReader) -> None:
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await self._read_exactly(reader, size)
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass

    async def _read_exactly(self, reader: asyncio.StreamReader, length: int) -> None:
        while length:
            part = await reader.read(min(length, 262144))
            if not part:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(part)
            self._take(part)

    def _take(self, part: bytes) -> None:
        if self._taking:
            self._taking(part)
        self._hash.update(part)
        self.length += len(part)
        self.kept = self.kept + part if self.length <= KEEP_BODIES_UP_TO else b""


async def empty_list(_: object, connection: Connection) -> None:
    """A handler for what nobody reads."""
    await connection.answer(200, b'{"data": []}', [("Content-Type", "application/json")])
