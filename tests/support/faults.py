"""Everything that an upstream can do wrong in an answer, as scripts of exact bytes.

The path of a request names one.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import SSLContext

from tests.support.scripted_upstream import OK, Peer, Script, ScriptedUpstream

BROKEN = -200  # 200, and then visibly cut
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Fault:
    """`status`: what the client gets.

    `is_read_in_part`: it never ends, so the client leaves after a part.
    """

    script: Script
    status: int
    is_read_in_part: bool = False


def saying(data: bytes) -> Script:
    """Sends this and ends the connection."""

    async def script(peer: Peer) -> None:
        await peer.send(data)

    return script


def resetting_after(data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.send(data)
        if data:
            await asyncio.sleep(0.1)  # a reset overtakes what the other side has not read yet
        peer.reset()

    return script


def repeating(
    start: bytes, part: bytes, *, count: int = 1_000_000, seconds: float = 0.0, end: bytes = b""
) -> Script:
    async def script(peer: Peer) -> None:
        await peer.send(start)
        for _ in range(count):
            await peer.send(part)
            await asyncio.sleep(seconds)
        await peer.send(end)

    return script


async def hang(peer: Peer) -> None:
    await peer.wait_for_eof()


FAULTS = {
    "closes-before": Fault(saying(b""), 502),
    "resets-before": Fault(resetting_after(b""), 502),
    "resets-in-headers": Fault(resetting_after(b"HTTP/1.1 200 OK\r\nContent-"), 502),
    "resets-after-headers": Fault(
        resetting_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), BROKEN
    ),
    "closes-in-body": Fault(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), BROKEN),
    "closes-in-chunk": Fault(saying(CHUNKED + b"9\r\nab"), BROKEN),
    "hangs": Fault(hang, 504),
    "drips-headers": Fault(repeating(b"HTTP/1.1 200 OK\r\nX: ", b"x", seconds=0.1), 504),
    "drips-body": Fault(
        repeating(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"x", count=6, seconds=0.25), 200
    ),
    "speaks-no-http": Fault(saying(b"SSH-2.0-Other\r\n"), 502),
    "says-no-status": Fault(saying(b"HTTP/1.1 banana\r\n\r\n"), 502),
    "has-large-headers": Fault(saying(OK[:-6] + b"\r\nX: %b\r\n\r\nok" % (b"x" * 100_000)), 200),
    "has-endless-headers": Fault(repeating(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000), 502),
    "informs-without-end": Fault(repeating(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 100), 502),
    "floods-with-line-ends": Fault(repeating(b"", b"\r\n" * 5000), 502),
    "extends-a-chunk": Fault(repeating(CHUNKED + b"2\r\nok\r\n2;x=", b"x" * 10_000), BROKEN),
    "trails-without-end": Fault(repeating(CHUNKED + b"2\r\nok\r\n0\r\nX: ", b"x" * 10_000), BROKEN),
    "switches-protocols": Fault(
        saying(b"HTTP/1.1 101 Other\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n"), 502
    ),
    "codes-the-transfer": Fault(
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
        502,
    ),
    "says-too-much": Fault(saying(OK + b"too much"), 200),
    "has-two-lengths": Fault(
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), 502
    ),
    "never-ends": Fault(
        repeating(CHUNKED, b"400\r\n%b\r\n" % (b"x" * 1024)), 200, is_read_in_part=True
    ),
    "refuses-without-end": Fault(
        repeating(
            b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"400\r\n%b\r\n" % (b"x" * 1024),
        ),
        404,
        is_read_in_part=True,
    ),
    "drips-a-refusal": Fault(
        repeating(b"HTTP/1.1 404 No\r\nContent-Length: 999\r\n\r\n", b"x", seconds=0.2), 404
    ),
}


# What another key may make up for: only the first request of this name fails.
FIRST_FAILURES = {
    "fails-without-end": repeating(
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n%b\r\n" % (b"x" * 1024)
    ),
    "drips-a-failure": repeating(
        b"HTTP/1.1 500 No\r\nContent-Length: 999\r\n\r\n", b"x", seconds=0.2
    ),
}


async def misbehave(peer: Peer) -> None:
    """Serves requests one after another.

    The last part of the path names the fault, `ok` is none.
    """
    while True:
        await peer.read_request()
        name = name_in(peer.upstream.heads[-1])
        script = FAULTS[name].script if name in FAULTS else FIRST_FAILURES.get(name)
        has_failed = name in FIRST_FAILURES and [*map(name_in, peer.upstream.heads)].count(name) > 1
        if script is None or has_failed:
            await peer.send(OK)
            continue
        await script(peer)
        return


def name_in(head: bytes) -> str:
    return head.split()[1].rpartition(b"/")[2].decode()


@contextmanager
def on_a_thread(*uses: SSLContext | None) -> Iterator[list[ScriptedUpstream]]:
    """Upstreams that misbehave: with TLS, or without (None).

    Each has a thread with a loop of its own.
    """
    started, ended = threading.Event(), threading.Event()
    upstreams = [ScriptedUpstream(misbehave, tls=tls) for tls in uses]

    async def serve() -> None:
        for upstream in upstreams:
            await upstream.__aenter__()
        started.set()
        await asyncio.to_thread(ended.wait)
        for upstream in upstreams:
            await upstream.__aexit__(None, None, None)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(10)
    try:
        yield upstreams
    finally:
        ended.set()
        thread.join(10)
