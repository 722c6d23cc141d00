"""CONNECT: asking an HTTP proxy for a way to the upstream itself (RFC 9110 9.3.6)."""

import asyncio
import re

from proxyapp.upstream.origin import Origin, Proxy

# An answer to CONNECT has no body: whoever sends so much without an end of its head is no proxy.
MAX_ANSWER_BYTES = 64 * 1024


class NoTunnel(Exception):
    """The text says why the proxy gives none."""


class Tunnel(asyncio.Protocol):
    """Waits for the proxy's answer to CONNECT, and leaves the connection to TLS."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._head = b""

    async def wait(self) -> None:
        """Returns when the connection leads to the upstream. Raises NoTunnel."""
        status = await self._answer
        if not 200 <= status < 300:
            raise NoTunnel(f"proxy refused: {status}")

    def data_received(self, data: bytes) -> None:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0 and len(self._head) <= MAX_ANSWER_BYTES:
            return
        match = re.match(rb"HTTP/1\.[01] ([2-5]\d\d)[ \r]", self._head)
        if match is None or end < 0:
            self._fail("the proxy's answer is not HTTP/1.1")
        elif match[1].startswith(b"2") and len(self._head) > end + 4:
            self._fail("the proxy speaks before the upstream")
        elif not self._answer.done():
            self._answer.set_result(int(match[1]))

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the proxy closed the connection")

    def _fail(self, what: str) -> None:
        if not self._answer.done():
            self._answer.set_exception(NoTunnel(what))
            self._answer.exception()  # looked at, even if nobody waits any more


def connect_request(proxy: Proxy, origin: Origin) -> bytes:
    authority = origin.authority.encode()
    lines = [b"CONNECT %b HTTP/1.1" % authority, b"Host: " + authority]
    lines += [b": ".join(header) for header in proxy.authorization]
    return b"\r\n".join((*lines, b"", b""))
