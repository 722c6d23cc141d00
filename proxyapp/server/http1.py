"""The heads of HTTP/1.1 messages as bytes (RFC 9112), decided without any I/O.

Strict where leniency lets requests be smuggled (one meaning for every message, or none), and
faithful otherwise: the target and the header values are kept byte for byte, and any method goes.
"""

import re
from http import HTTPStatus
from typing import Final

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 500

TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
TEXT: Final = rb"[^\x00-\x08\x0a-\x1f\x7f]*+"
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)*+")
_TOKEN: Final = re.compile(TOKEN)
_REQUEST_LINE: Final = re.compile(rb"(" + TOKEN + rb") ([^\x00-\x20\x7f]++) HTTP/1\.([01])\r\n")
_OTHER_VERSION: Final = re.compile(TOKEN + rb" [^\x00-\x20\x7f]++ HTTP/\d\.\d\r\n")
HEADER_LINE: Final = re.compile(rb"^(" + TOKEN + rb"):[ \t]*+(" + TEXT + rb")\r\n", re.MULTILINE)
_CONTROLS: Final = bytes((*range(9), *range(10, 32), 127))
_TEXT_BYTES: Final = bytes(range(256)).translate(None, _CONTROLS)
_USUAL_NAMES: Final = frozenset(
    b"cache-control content-encoding content-length content-type date server server-timing"
    b" transfer-encoding vary x-accel-buffering x-content-type-options x-frame-options"
    b" x-request-id x-xss-protection".split()
)

_MEANT_FOR_US: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"connection", b"host", b"expect", b"upgrade"}
)
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


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

    def written(self) -> bytes:
        """As bytes again, with the names in lower case."""
        line = b"%b %b HTTP/1.%d\r\n" % (self.method.encode(), self.target, not self.is_http_1_0)
        return line + b"".join(b"%b: %b\r\n" % field for field in self.headers) + b"\r\n"


def without_empty_lines(data: bytes) -> bytes:
    """RFC 9112 2.2 has servers overlook them before a request; endless ones must not cost a copy
    each.
    """
    lines = _EMPTY_LINES.match(data)
    return data[lines.end() :] if lines else data


def check_start(data: bytes) -> None:
    """Raises as soon as the first bytes of a head can't become a request.

    A lone CR may be half of an empty line.
    """
    if data == b"\r":
        return
    if not _TOKEN.match(data):
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
    fields = HEADER_LINE.findall(data, line.end())
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
                raise RequestError(
                    400, "The only Transfer-Encoding understood is chunked, in HTTP/1.1."
                )
            head.length = None
    if b"transfer-encoding" in seen and b"content-length" in seen:
        raise RequestError(400, "Content-Length and Transfer-Encoding exclude each other.")
    if b"host" not in seen and not head.is_http_1_0:
        raise RequestError(400, "The Host header is missing.")


def _content_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise RequestError(400, "Content-Length is not a number.")
    return int(value)


def are_header_lines(data: bytes, names: list[bytes]) -> bool:
    """Whether `data`, a `name: value` line for each of the names, is well-formed, so that neither a
    name nor a value has smuggled in another line: of controls it has its own ends of lines only.
    """
    for name in names:
        if name not in _USUAL_NAMES and _TOKEN.fullmatch(name) is None:
            return False
    return data.translate(None, _TEXT_BYTES) == b"\r\n" * len(names)


def status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
