"""An HTTP/1.1 client that sends and shows exact bytes.

It sends those that a test gives it, and shows those that come back.
"""

import socket
import ssl
import struct
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support import certificates

TIMEOUT_SECONDS = 15
# An end that says of itself that it is none: over TLS also one without TLS's word for it.
BROKEN_OFF = (ConnectionResetError, ssl.SSLEOFError)


@dataclass
class RawResponse:
    """`is_complete` is False when the connection ended before the body did."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    is_complete: bool = True
    informational: list[int] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header.lower() == name.lower()]


class RawClient:
    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout)
        if address.scheme == "https":
            self._socket = certificates.client_context().wrap_socket(
                self._socket, server_hostname=address.hostname, suppress_ragged_eofs=False
            )
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def reset(self) -> None:
        """Leaves with a reset, as a killed program does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive_buffer(self, size: int) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def read_line(self) -> bytes:
        return self._stream.readline()

    def read_to_the_end(self) -> bytes:
        """What comes until the other side closes or resets the connection."""
        parts = []
        try:
            while part := self._stream.read1(65536):
                parts.append(part)
        except BROKEN_OFF:
            pass
        return b"".join(parts)

    def request(
        self,
        method: str,
        target: bytes | str,
        headers: list[tuple[str, str]] | None = None,
        body: bytes = b"",
    ) -> RawResponse:
        """Sends a Host and, with a body, a Content-Length besides `headers`, and nothing else."""
        self.send(request_bytes(method, target, headers, body))
        return self.read_response(without_body=method == "HEAD")

    def read_response(self, *, without_body: bool = False) -> RawResponse:
        informational = []
        response = self._read_head()
        while 100 <= response.status < 200:
            informational.append(response.status)
            response = self._read_head()
        response.informational = informational
        if not (without_body or response.status in (204, 304)):
            self._read_body(response)
        return response

    def _read_head(self) -> RawResponse:
        first = self.read_line()
        assert first, "the connection ended without an answer"
        headers = []
        while (line := self.read_line().rstrip(b"\r\n")) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        return RawResponse(int(first.split(b" ")[1]), headers)

    def _read_body(self, response: RawResponse) -> None:
        length = response.values("content-length")
        if response.values("transfer-encoding"):
            response.body, response.is_complete = self._read_chunks()
        elif length:
            response.body = self._read_exactly(int(length[0]))
            response.is_complete = len(response.body) == int(length[0])
        else:
            response.body = self.read_to_the_end()

    def _read_chunks(self) -> tuple[bytes, bool]:
        body = b""
        while line := self._read_exactly_a_line():
            size = int(line, 16)
            part = self._read_exactly(size)
            body += part
            end = self._read_exactly_a_line()
            if len(part) < size or end is None:
                break
            if size == 0:
                return body, True
        return body, False

    def _read_exactly_a_line(self) -> bytes | None:
        try:
            return self.read_line() or None
        except BROKEN_OFF:
            return None

    def _read_exactly(self, length: int) -> bytes:
        parts = []
        try:
            while length and (part := self._stream.read1(min(length, 1 << 20))):
                parts.append(part)
                length -= len(part)
        except BROKEN_OFF:
            pass
        return b"".join(parts)


def request_bytes(
    method: str,
    target: bytes | str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> bytes:
    raw_target = target.encode("latin-1") if isinstance(target, str) else target
    fields = [("Host", "gateway.test"), *(headers or [])]
    fields += [("Content-Length", str(len(body)))] if body else []
    lines = [b"%s %s HTTP/1.1" % (method.encode(), raw_target)]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def exchange(
    url: str,
    method: str,
    target: bytes | str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> RawResponse:
    """One request on a connection of its own."""
    with RawClient(url) as client:
        return client.request(method, target, headers, body)
