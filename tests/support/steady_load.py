"""Clients that send requests at a steady rate and never send one twice.

They have a thread and an event loop of their own.
"""

import asyncio
import itertools
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

PATH = "/v1beta/models/gemini-2.5-flash:generateContent"
BODY = b'{"contents": [{"parts": [{"text": "hi"}]}]}'
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Sent:
    """One request and what came of it.

    `trouble`: what went wrong instead of an answer. `was_fresh`: it was the first request of its
    connection. `was_due`, `sent_at` and `ended_at` are of the monotonic clock.
    """

    was_due: float
    sent_at: float
    ended_at: float
    status: int = 0
    trouble: str = ""
    was_fresh: bool = True


class Line:
    """One client's connection, made when it is needed."""

    def __init__(self, host: str, port: int, paths: Iterator[str], *, keeps_alive: bool) -> None:
        self._place = (host, port)
        self._keeps_alive = keeps_alive
        connection = b"" if keeps_alive else b"Connection: close\r\n"
        head = b"Host: a\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
            connection,
            len(BODY),
        )
        self._rest = b" HTTP/1.1\r\n" + head + BODY
        self._paths = paths
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.is_fresh = True

    async def ask(self) -> int:
        """The status of the answer.

        A connection that the other side has closed by now is not used again.
        """
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        self.is_fresh = self._streams is None
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        writer.write(b"POST " + next(self._paths).encode() + self._rest)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await self._skip_body(reader, head)
        if not self._keeps_alive or b"\r\nconnection: close" in head:
            self.close()
        return int(head[9:12])

    async def _skip_body(self, reader: asyncio.StreamReader, head: bytes) -> None:
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if found:
            await reader.readexactly(int(rest.partition(b"\r\n")[0]))
            return
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def numbered_paths() -> Iterator[str]:
    run = uuid.uuid4().hex
    return (f"{PATH}?run={run}&n={number}" for number in itertools.count())


class SteadyLoad:
    """`with SteadyLoad(url) as load: …`; afterwards `load.sent` has every request.

    One that is late is sent at once. `is_numbered`: each request has a query of its own.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float = 200,
        clients: int = 20,
        keeps_alive: bool = True,
        is_numbered: bool = False,
    ) -> None:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        paths = numbered_paths() if is_numbered else itertools.repeat(PATH)
        self._lines = [
            Line(address.hostname, address.port, paths, keeps_alive=keeps_alive)
            for _ in range(clients)
        ]
        self._rate = rate
        self._slots = itertools.count()
        self._ends = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name="steady load", daemon=True
        )
        self.sent: list[Sent] = []

    def __enter__(self) -> "SteadyLoad":
        self._since = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when what was sent is answered or has failed."""
        self._ends.set()
        self._thread.join(2 * TIMEOUT_SECONDS)

    @property
    def failed(self) -> list[Sent]:
        return [each for each in list(self.sent) if each.status != 200]

    def answered(self) -> int:
        return sum(each.status == 200 for each in list(self.sent))

    async def _run(self) -> None:
        await asyncio.gather(*(self._keep_asking(line) for line in self._lines))

    async def _keep_asking(self, line: Line) -> None:
        while not self._ends.is_set():
            due = self._since + next(self._slots) / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not self._ends.is_set():
                self.sent.append(await self._ask(line, due))
        line.close()

    async def _ask(self, line: Line, due: float) -> Sent:
        sent_at = time.monotonic()
        status, trouble = 0, ""
        try:
            status = await asyncio.wait_for(line.ask(), TIMEOUT_SECONDS)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            trouble = repr(error)
            line.close()
        return Sent(due, sent_at, time.monotonic(), status, trouble, line.is_fresh)
