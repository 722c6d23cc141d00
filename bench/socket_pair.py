"""What two sockets cost: bytes copied both ways between a client and the upstream, and no more.

`python -m bench.socket_pair PORT UPSTREAM`.
"""

import asyncio
import sys
from typing import cast
from urllib.parse import urlsplit

import uvloop


class CopyingSide(asyncio.Protocol):
    """Writes what it reads to the other side; what comes before there is one waits."""

    def __init__(self) -> None:
        self.other: CopyingSide | None = None
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def join(self, other: "CopyingSide") -> None:
        self.other, other.other = other, self
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class ClientSide(CopyingSide):
    """Each connection of a client has one of its own to the upstream."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._address = host, port
        self._dial: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._dial = asyncio.get_running_loop().create_task(self._join_upstream())

    async def _join_upstream(self) -> None:
        loop = asyncio.get_running_loop()
        _, upstream = await loop.create_connection(CopyingSide, *self._address)
        self.join(upstream)


async def serve(port: int, upstream: str) -> None:
    parts = urlsplit(upstream)
    host, upstream_port = str(parts.hostname), parts.port or 80
    server = await asyncio.get_running_loop().create_server(
        lambda: ClientSide(host, upstream_port), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
