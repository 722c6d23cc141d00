"""The bodies of HTTP/1.1 requests, taken out of the bytes of a connection (RFC 9112 6 and 7)."""

import re
from typing import Final

from proxyapp.server.http1 import HEADER_LINE, TEXT, RequestError
from proxyapp.vocabulary.upload_ids import shows_upload_id

MAX_CHUNK_LINE_BYTES: Final = 1024
MAX_TRAILER_BYTES: Final = 16 * 1024
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*+;" + TEXT + rb")?\r\n")


class LengthBody:
    """A body of a known length. `rest` is what came after its end."""

    __slots__ = ("_left", "is_done", "rest")

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_done = length == 0
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        if len(data) < self._left:
            self._left -= len(data)
            return data
        self.is_done = True
        self.rest = data[self._left :]
        return data[: self._left]


class ChunkedBody:
    """A chunked body. Extensions and trailers are checked and dropped.

    `rest` is what came after its end.
    """

    __slots__ = ("_buffer", "_in_trailers", "_left", "_trailer_bytes", "is_done", "rest")

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0  # of the current chunk, with the CR LF after it
        self._in_trailers = False
        self._trailer_bytes = 0
        self.is_done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Returns what `data` completes of the content. Raises RequestError."""
        data = self._buffer + data
        content: list[bytes] = []
        at = 0
        while not self.is_done:
            taken = self._step(data, at, content)
            if not taken:
                break
            at += taken
        self._buffer = b"" if self.is_done else data[at:]
        self.rest = data[at:] if self.is_done else b""
        return b"".join(content)

    def _step(self, data: bytes, at: int, content: list[bytes]) -> int:
        if self._in_trailers:
            return self._trailer_line(data, at)
        if self._left > 2:
            part = data[at : at + self._left - 2]
            content.append(part)
            self._left -= len(part)
            return len(part)
        if self._left:
            return self._end_of_chunk(data, at)
        return self._size_line(data, at)

    def _end_of_chunk(self, data: bytes, at: int) -> int:
        end = data[at : at + 2]
        if not b"\r\n".startswith(end):
            raise RequestError(400, "A chunk is longer than it says.")
        if len(end) < 2:
            return 0
        self._left = 0
        return 2

    def _size_line(self, data: bytes, at: int) -> int:
        line = _CHUNK_LINE.match(data, at)
        if line is None:
            if data.find(b"\n", at) >= 0 or len(data) - at > MAX_CHUNK_LINE_BYTES:
                raise RequestError(400, "A chunk size is malformed.")
            return 0
        if line.end() - at > MAX_CHUNK_LINE_BYTES:
            raise RequestError(400, "A chunk extension is too long.")
        size = int(line[1], 16)
        self._in_trailers = size == 0
        self._left = size + 2 if size else 0
        return line.end() - at

    def _trailer_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        if self._trailer_bytes + (end or len(data)) - at > MAX_TRAILER_BYTES:
            raise RequestError(431, "The trailers are too large.")
        if not end:
            return 0
        if data[at:end] == b"\r\n":
            self.is_done = True
        elif not HEADER_LINE.fullmatch(data, at, end):
            raise RequestError(400, "A trailer is malformed.")
        self._trailer_bytes += end - at
        return end - at


def check_size(size: int, max_body_bytes: int, target: bytes) -> None:
    """The part of an upload may be of any size: it passes, and is not kept."""
    if size > max_body_bytes and not shows_upload_id(target):
        raise RequestError(413, f"The body is larger than {max_body_bytes} bytes (MAX_BODY_BYTES).")
