"""How the upstreams of two gateways answer the same exchange, attempt by attempt."""

import asyncio
import gzip
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.support import fake_gemini
from tests.support.fake_gemini import DATA, EVENT_STREAM, JSON
from tests.support.fake_http import Connection, Headers, Recorded, head_of
from tests.support.fake_upstream import FakeUpstream, Handler, body_of_bytes

NUMBER = "x-exchange"
OCTETS = [("Content-Type", "application/octet-stream")]


class AnswerScripts:
    """One upstream's. `left` is set for an exchange once the gateway has hung up."""

    def __init__(self, upstream: FakeUpstream) -> None:
        self.asked: Counter[str] = Counter()
        self.left: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._upstream = upstream
        self._scripts: dict[str, Sequence[Handler]] = {}
        self._changed = threading.Condition()
        upstream.on("/", self._answer)
        upstream.on("/early/", self._answer, reads_body=False)

    def expect(self, number: int, answers: Sequence[Handler]) -> None:
        """The last answer again and again; none: as Google answers."""
        self._scripts[str(number)] = answers

    def wait_until_asked(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.asked[str(number)], 10), "it never asked"

    async def _answer(self, request: Recorded, connection: Connection) -> None:
        number = request.value(NUMBER)
        answers = self._scripts.get(number)
        with self._changed:
            turn = self.asked[number]
            self.asked[number] += 1
            self._changed.notify_all()
        if answers:
            await answers[min(turn, len(answers) - 1)](request, connection)
        else:
            await self._upstream.behave(request, connection)
        if connection.gone.is_set():
            self.left[number].set()


async def _send_whole(
    connection: Connection, request: Recorded, status: int, body: bytes, headers: Headers
) -> None:
    await connection.answer(status, body, headers, without_body=request.method == "HEAD")


def whole(status: int, body: bytes = b"", headers: Headers = tuple(JSON)) -> Handler:
    async def answer(request: Recorded, connection: Connection) -> None:
        await _send_whole(connection, request, status, body, headers)

    return answer


def refused(status: int, name: str, headers: Headers = ()) -> Handler:
    """A recorded error, in the form of the path."""

    async def answer(request: Recorded, connection: Connection) -> None:
        error = fake_gemini.refusal(request, status, name)
        assert isinstance(error.body, bytes)
        await _send_whole(connection, request, status, error.body, [*error.headers, *headers])

    return answer


def zipped() -> Handler:
    async def answer(request: Recorded, connection: Connection) -> None:
        plain = fake_gemini.answer(request)
        body = plain.body if isinstance(plain.body, bytes) else b"".join(plain.body)
        headers = [*plain.headers, ("Content-Encoding", "gzip")]
        await _send_whole(connection, request, plain.status, gzip.compress(body, mtime=0), headers)

    return answer


def in_pieces(body: bytes, sizes: Sequence[int], pause: float, headers: Headers) -> Handler:
    """Chunked; each piece comes `pause` seconds after the one before."""

    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.send(head_of(200, [*headers, ("Transfer-Encoding", "chunked")]))
        start = 0
        for size in sizes:
            await connection.send_chunk(body[start : start + size])
            start += size
            await asyncio.sleep(pause)
        await connection.send_chunk(body[start:])
        await connection.finish_chunks()

    return answer


def events(count: int, pause: float, *, is_left: bool = False) -> Handler:
    """`is_left`: it goes on for as long as somebody listens."""

    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.send(head_of(200, [*EVENT_STREAM, ("Transfer-Encoding", "chunked")]))
        for number in range(1, count + 1):
            is_last = number == count and not is_left
            await connection.send_chunk(
                fake_gemini.event(f"event {number}", output_tokens=number, is_last=is_last)
            )
            await asyncio.sleep(pause)
        if is_left:
            await _wait_for_the_end(connection)
        else:
            await connection.finish_chunks()

    return answer


def recorded_stream(name: str) -> Handler:
    return whole(200, (DATA / f"{name}.sse.txt").read_bytes(), EVENT_STREAM)


def without_length(body: bytes, pause: float) -> Handler:
    """Its end is that of the connection."""

    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.send(head_of(200, OCTETS) + body[: len(body) // 2])
        await asyncio.sleep(pause)
        await connection.send(body[len(body) // 2 :])
        connection.close()

    return answer


def byte_by_byte(status: int, body: bytes) -> Handler:
    async def answer(request: Recorded, connection: Connection) -> None:
        length = ("Content-Length", str(len(body)))
        data = b"HTTP/1.1 103 Early Hints\r\n\r\n" + head_of(status, [*JSON, length]) + body
        for start in range(0, len(data), 7):
            await connection.send(data[start : start + 7])
            await asyncio.sleep(0)

    return answer


def large(size: int, *, is_chunked: bool) -> Handler:
    body = body_of_bytes(size)
    return in_pieces(body, [100_000] * 5, 0.0, OCTETS) if is_chunked else whole(200, body, OCTETS)


def breaking_off(start: bytes, *, with_reset: bool) -> Handler:
    """After so much of an answer."""

    async def answer(request: Recorded, connection: Connection) -> None:
        if start:
            await connection.send(start)
            await asyncio.sleep(0.03)  # else a reset may overtake it
        if with_reset:
            connection.abort()
        else:
            connection.close()

    return answer


def half_of(body: bytes, headers: Headers = tuple(JSON)) -> bytes:
    return head_of(200, [*headers, ("Content-Length", str(2 * len(body)))]) + body


def last_on_its_connection(body: bytes) -> Handler:
    async def answer(request: Recorded, connection: Connection) -> None:
        length = ("Content-Length", str(len(body)))
        await connection.send(head_of(200, [*JSON, length, ("Connection", "close")]) + body)
        connection.close()

    return answer


def silent() -> Handler:
    """Until the gateway hangs up."""

    async def answer(request: Recorded, connection: Connection) -> None:
        await _wait_for_the_end(connection)

    return answer


def before_the_body(status: int, body: bytes) -> Handler:
    """Below /early/: the rest of the request is not read."""

    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.answer(status, body, [*JSON, ("Connection", "close")])
        await asyncio.sleep(0.03)
        connection.close()

    return answer


async def _wait_for_the_end(connection: Connection) -> None:
    async with asyncio.timeout(10):
        await connection.gone.wait()
    connection.close()
