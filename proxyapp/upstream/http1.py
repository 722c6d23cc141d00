"""HTTP/1.1 on the wire, without I/O (RFC 9112): the bytes of a request, and the meaning of the
bytes of a response.
"""

import re
from collections import deque
from functools import lru_cache
from typing import Final, TypeVar

import httptools
import httpx

from proxyapp.vocabulary.remembered import remembered

Headers = list[tuple[bytes, bytes]]
Fault = TypeVar("Fault", bound=httpx.TransportError)

# As much as Chromium takes (`kMaxHeaderBufSize`); curl takes 300 KiB.
MAX_HEAD_BYTES: Final = 256 * 1024
TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
USUAL_METHODS: Final = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE"})
TARGET: Final = re.compile(rb"[^\x00-\x20\x7f]+")
# `identity` is none at all, as old servers say it.
UNDERSTOOD_CODINGS: Final = frozenset({b"chunked", b"identity"})


class BrokenResponse(Exception):
    """The upstream's bytes are no HTTP, or not what a request can be answered with.

    The text quotes none of them.
    """


def unsent(error: Fault) -> Fault:
    """Marks an error before which certainly no byte of the request reached the upstream."""
    vars(error)["request_sent"] = False
    return error


def is_request_sent(error: BaseException) -> bool:
    """Whether the upstream may have seen (and acted on) the request that ended with this error."""
    return bool(getattr(error, "request_sent", True))


def encode_request(
    method: str, target: bytes, host: bytes, headers: Headers, size: int | None
) -> tuple[bytes, int | None]:
    """The head, and how many body bytes must follow it (None: chunks until the body ends).

    `size` is that of the body, None when it is not known. Framing is added only where the headers
    have none and there is a body. Raises LocalProtocolError for a request that could be read in two
    ways (RFC 9112 6.3 and 11).
    """
    lines, lengths, codings = [], list[bytes](), list[bytes]()
    has_host = False
    for header in headers:
        name = _field_name(header[0])
        lines.append(b": ".join(header))
        if name == b"content-length":
            lengths.append(header[1])
        elif name == b"transfer-encoding":
            codings.append(header[1])
        elif name == b"host":
            has_host = True
    length = size
    if lengths or codings:
        length = _declared_length(lengths, codings, size)
    elif size != 0:
        lines.append(
            b"Transfer-Encoding: chunked" if size is None else b"Content-Length: %d" % size
        )
    if not has_host:
        lines.insert(0, b"Host: " + host)
    start = b"%b %b HTTP/1.1" % (method.encode("ascii", "replace"), target)
    head = b"\r\n".join((start, *lines, b"", b""))
    breaks = len(lines) + 2
    is_one_head = head.count(b"\n") == breaks == head.count(b"\r") and head.find(b"\0") < 0
    if (
        not is_one_head
        or not _is_target(target)
        or not (method in USUAL_METHODS or TOKEN.fullmatch(method.encode("ascii", "replace")))
    ):
        raise unsent(
            httpx.LocalProtocolError("forbidden bytes in the method, the target or a header")
        )
    return head, length


@remembered
def _is_target(target: bytes) -> bool:
    return TARGET.fullmatch(target) is not None


@lru_cache(maxsize=256)  # clients choose the names: some dozens are usual, any are possible
def _field_name(name: bytes) -> bytes:
    if not TOKEN.fullmatch(name):
        raise unsent(httpx.LocalProtocolError("a header name is not a token"))
    return name.lower()


def _declared_length(lengths: list[bytes], codings: list[bytes], size: int | None) -> int | None:
    if codings:
        if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise unsent(
                httpx.LocalProtocolError("conflicting Content-Length and Transfer-Encoding")
            )
        return None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise unsent(httpx.LocalProtocolError("bad or repeated Content-Length"))
    length = int(lengths[0][:20])
    if size not in (None, length):
        raise unsent(httpx.LocalProtocolError("the body's size differs from its Content-Length"))
    return length


class ResponseReader:
    """Takes the bytes of one response in any portions; the final head and the body's chunks come
    out.

    Informational responses (1xx) are skipped. `status` is 0 until the final head is complete.
    Chunks are the body's bytes as each read brought them, without the chunked coding and without
    any other change.
    """

    __slots__ = ("_is_excess", "_is_head", "_is_to_reuse", "_parser", "_silent_bytes", "_version",
                 "buffered", "chunks", "headers", "is_complete", "reason", "status")  # fmt: skip

    def __init__(self, method: str) -> None:
        self.status = 0
        self.reason = b""
        self.headers: Headers = []
        self.chunks: deque[bytes] = deque()
        self.buffered = 0
        self.is_complete = False
        self._is_head = method == "HEAD"
        self._is_to_reuse = self._is_excess = False
        self._silent_bytes = 0
        self._version = ""
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    @property
    def http_version(self) -> bytes:
        return b"HTTP/" + self._version.encode()

    @property
    def has_begun(self) -> bool:
        """Whether any byte has arrived."""
        return bool(self.status or self._silent_bytes)

    @property
    def is_reusable(self) -> bool:
        """Whether the connection may serve another request after this response."""
        return self.is_complete and self._is_to_reuse and not self._is_excess

    def feed(self, data: memoryview) -> None:
        """Raises BrokenResponse."""
        self._silent_bytes += len(data)
        parser = self._parser
        if parser is None:
            self._is_excess = True
            return
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if isinstance(error.__context__, BrokenResponse):
                raise error.__context__ from None
            if not self.is_complete:
                raise BrokenResponse("the upstream's answer is not valid HTTP/1.1") from None
            self._is_excess = True
        if self._silent_bytes > MAX_HEAD_BYTES and not self.is_complete:
            raise BrokenResponse("the upstream's headers are too large")

    def feed_eof(self) -> None:
        """Completes a body that lasts until the connection closes (RFC 9112 6.3, rule 8).

        Raises BrokenResponse.
        """
        if self.is_complete:
            return
        if not self.status:
            raise BrokenResponse("the upstream closed the connection without an answer")
        names = {name.lower(): value for name, value in self.headers}
        if b"content-length" in names or names.get(b"transfer-encoding", b"").lower().endswith(
            b"chunked"
        ):
            raise BrokenResponse("the upstream closed the connection in the middle of a body")
        self._complete(is_to_reuse=False)

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._is_excess = True

    def on_status(self, reason: bytes) -> None:
        if not self.status:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:  # a trailer, or a header of bytes that nobody asked for
            return
        value = value.rstrip(b" \t")
        self.headers.append((name, value))
        if (
            len(name) == 17
            and name.lower() == b"transfer-encoding"
            and value.lower() not in UNDERSTOOD_CODINGS
        ):
            raise BrokenResponse(
                "the upstream's answer has a transfer coding that it was not asked for"
            )

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self.status or parser is None:
            return
        status = parser.get_status_code()
        if not 200 <= status < 600:
            self._skip(status)
            return
        self.status = status
        self._version = parser.get_http_version()
        self._silent_bytes = 0
        if self._is_head:
            self._complete(is_to_reuse=self._persists())

    def on_body(self, data: bytes) -> None:
        if self.is_complete:
            self._is_excess = True
            return
        self._silent_bytes = 0
        self.buffered += len(data)
        self.chunks.append(data)

    def on_message_complete(self) -> None:
        if self._parser is not None and self.status and not self.is_complete:
            self._complete(is_to_reuse=self._parser.should_keep_alive())

    def _complete(self, *, is_to_reuse: bool) -> None:
        """The parser and this know each other: without an end each answer would be work for the
        garbage collector.
        """
        self._parser = None
        self.is_complete = True
        self._is_to_reuse = is_to_reuse

    def _skip(self, status: int) -> None:
        if status == 101:
            raise BrokenResponse("the upstream switched protocols")
        if not 100 <= status < 200:  # RFC 9110 15
            raise BrokenResponse("the upstream's answer has a status that there is none of")
        self.headers.clear()
        self.reason = b""

    def _persists(self) -> bool:
        """RFC 9112 9.3, for a HEAD's answer: the parser takes a missing length for a body that
        lasts until the end.
        """
        options = {
            option.strip().lower()
            for name, value in self.headers
            if name.lower() == b"connection"
            for option in value.split(b",")
        }
        is_modern = self._version == "1.1"
        return b"close" not in options and (is_modern or b"keep-alive" in options)
