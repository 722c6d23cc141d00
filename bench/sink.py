"""An upstream that reads whole request bodies before it answers, faster than anybody sends them.

`python -m bench.sink PORT`. It knows requests with a Content-Length, and chunked ones by the end of
their last chunk. Who begins an upload is told where its parts go.
"""

import asyncio
import re
import sys
from typing import cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b"
START = b"x-goog-upload-command: start"
UPLOAD_URL = b"x-goog-upload-url: /upload/v1beta/files?upload_id=sink\r\n"
LAST_CHUNK = b"0\r\n\r\n"
BUFFER_BYTES = 1 << 20


class Sink(asyncio.BufferedProtocol):
    """Counts the bytes of a body and says how many there were."""

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER_BYTES)
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._missing: int | None = None
        self._length = 0
        self._begins_upload = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing is None:
            self._head += self._buffer[:nbytes]
            self._read_head()
        elif self._missing < 0:
            self._read_chunked(bytes(self._buffer[max(0, nbytes - 16) : nbytes]), nbytes)
        else:
            self._missing -= nbytes
        if self._missing == 0:
            self._answer()

    def _read_head(self) -> None:
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return
        self._head = b""
        self._begins_upload = START in head.lower()
        found = LENGTH.search(head + b"\r\n")
        self._length = int(found[1]) if found else 0
        if b"chunked" in head.lower():
            self._missing = -1
            self._read_chunked(rest[-16:], len(rest))
        else:
            self._missing = self._length - len(rest)

    def _read_chunked(self, tail: bytes, nbytes: int) -> None:
        self._length += nbytes
        if tail.endswith(LAST_CHUNK):
            self._missing = 0

    def _answer(self) -> None:
        assert self._transport
        self._missing = None
        body = b'{"read": %d}' % self._length
        more = UPLOAD_URL if self._begins_upload else b""
        self._transport.write(ANSWER % (more, len(body), body))


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
