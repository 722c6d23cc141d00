"""HTTP/1.1 requests as bytes (RFC 9112), decided without any I/O.

Strict where leniency lets requests be smuggled (one meaning for every message, or none), and faithful otherwise: the
target and the header values are kept byte for byte, and any method goes.
"""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 500
MAX_CHUNK_LINE_BYTES = 1024
MAX_TRAILER_BYTES = 16 * 1024

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_TEXT = rb"[^\x00-\x08\x0a-\x1f\x7f]*+"
_STARTS_WELL = re.compile(_TOKEN)
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([^\x00-\x20\x7f]++) HTTP/1\.([01])\r\n")
_OTHER_VERSION = re.compile(_TOKEN + rb" [^\x00-\x20\x7f]++ HTTP/\d\.\d\r\n")
_HEADER_LINE = re.compile(rb"^(" + _TOKEN + rb"):[ \t]*+(" + _TEXT + rb")\r\n", re.MULTILINE)
_HEADER_LINES = re.compile(rb"(?:" + _TOKEN + rb": " + _TEXT + rb"\r\n)*+")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*+;" + _TEXT + rb")?\r\n")
_ABSOLUTE = re.compile(rb"https?://([^/?#@]++)(?=[/?]|$)", re.IGNORECASE)

_MEANT_FOR_US = frozenset({b"content-length", b"transfer-encoding", b"connection", b"host", b"expect", b"upgrade"})


class RequestError(Exception):
    """A request that is refused before any application sees it; `status` is the answer's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Head:
    """A request's line and headers. `length` is None when the body is chunked."""

    __slots__ = (
        "expects_continue",
        "headers",
        "is_http_1_0",
        "is_websocket",
        "keeps_alive",
        "length",
        "method",
        "target",
    )

    def __init__(self, method: str, target: bytes, *, is_http_1_0: bool) -> None:
        self.method = method
        self.target = target
        self.is_http_1_0 = is_http_1_0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = 0
        self.keeps_alive = not is_http_1_0
        self.expects_continue = False
        self.is_websocket = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: as sent, its undecoded parts, and the authority of the absolute form (else empty)."""

    raw_path: bytes
    query: bytes
    authority: bytes = b""

    @property
    def path(self) -> str:
        return unquote_to_bytes(self.raw_path).decode("utf-8", "replace")


def check_start(data: bytes) -> None:
    """Raises as soon as the first bytes of a head can't become a request."""
    if not _STARTS_WELL.match(data):
        raise RequestError(400, "This is not an HTTP request.")
    if b"\n" in data:
        _request_line(data)
    if b"\n\n" in data:
        raise RequestError(400, "Lines end with CR LF.")


def _request_line(data: bytes) -> re.Match[bytes]:
    line = _REQUEST_LINE.match(data)
    if line is None:
        if _OTHER_VERSION.match(data):
            raise RequestError(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        raise RequestError(400, "The request line is malformed.")
    return line


def parse_head(data: bytes) -> Head:
    """`data` ends with the empty line."""
    line = _request_line(data)
    method, target, minor = line.groups()
    head = Head(method.decode("ascii"), target, is_http_1_0=minor == b"0")
    fields = _HEADER_LINE.findall(data, line.end())
    # Every field takes one whole line, so any other line feed stands in a malformed one.
    if len(fields) != data.count(b"\n") - 2:
        raise RequestError(400, "A header line is malformed.")
    if len(fields) > MAX_HEADERS:
        raise RequestError(431, f"More than {MAX_HEADERS} headers.")
    ours: list[tuple[bytes, bytes]] = []
    for name, value in fields:
        field = (name.lower(), value.rstrip(b" \t"))
        head.headers.append(field)
        if field[0] in _MEANT_FOR_US:
            ours.append(field)
    _interpret(head, ours)
    return head


def _interpret(head: Head, fields: list[tuple[bytes, bytes]]) -> None:
    seen = set()
    for name, value in fields:
        if name in seen and name in (b"content-length", b"transfer-encoding", b"host"):
            raise RequestError(400, f"More than one {name.decode('ascii').title()}.")
        seen.add(name)
        if name == b"content-length":
            head.length = _content_length(value)
        elif name == b"connection":
            if b"close" in [option.strip() for option in value.lower().split(b",")]:
                head.keeps_alive = False
        elif name == b"expect":
            head.expects_continue = value.lower() == b"100-continue" and not head.is_http_1_0
        elif name == b"upgrade":
            head.is_websocket = value.lower() == b"websocket"
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked" or head.is_http_1_0:
                raise RequestError(400, "The only Transfer-Encoding understood is chunked, in HTTP/1.1.")
            head.length = None
    if b"transfer-encoding" in seen and b"content-length" in seen:
        raise RequestError(400, "Content-Length and Transfer-Encoding exclude each other.")
    if b"host" not in seen and not head.is_http_1_0:
        raise RequestError(400, "The Host header is missing.")


def _content_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise RequestError(400, "Content-Length is not a number.")
    return int(value)


def parse_target(head: Head) -> Target:
    """All forms of RFC 9112 3.2 but CONNECT's, which has no place in a gateway."""
    target = head.target
    if target.startswith(b"/"):
        if head.method == "CONNECT":
            raise RequestError(400, "CONNECT is not supported.")
        raw_path, _, query = target.partition(b"?")
        return Target(raw_path, query)
    if target == b"*":
        return Target(b"*", b"")
    absolute = _ABSOLUTE.match(target)
    if absolute is None or head.method == "CONNECT":
        raise RequestError(400, "The request target must be a path or an http(s) URL.")
    raw_path, _, query = target[absolute.end() :].partition(b"?")
    return replace(Target(raw_path or b"/", query), authority=absolute[1])


def are_header_lines(data: bytes, count: int) -> bool:
    """Whether `data` is `count` well-formed `name: value` lines, so that no value has smuggled in another."""
    return data.count(b"\n") == count and _HEADER_LINES.fullmatch(data) is not None


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
    """A chunked body. Extensions and trailers are checked and dropped. `rest` is what came after its end."""

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
        elif not _HEADER_LINE.fullmatch(data, at, end):
            raise RequestError(400, "A trailer is malformed.")
        self._trailer_bytes += end - at
        return end - at
