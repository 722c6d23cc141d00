"""What clients do to two gateways, and what they see of an answer that is no matter of time."""

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.support.gear_answers import NUMBER, AnswerScripts
from tests.support.raw_client import RawClient, RawResponse, request_bytes

# Of a refusal of the gateway's own: when a key is back.
TIMES = re.compile(rb" at \d{4}-[-0-9: ]+UTC, in [^.]+|\b\d+(\.\d+)?(?= ?s\b)")
# Times, the mark of an installation, what a request is called, and the length of a body that
# holds a time.
OWN = ("retry-after", "retry-after-ms", "x-gateway-hop", "x-request-id")
REQUEST_ID = re.compile(rb'(?<="request_id": ")[-0-9a-f]{36}(?=")')


class Seen(NamedTuple):
    """`headers` without what is a time."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    is_complete: bool
    informational: list[int]


class Side(NamedTuple):
    """One of the gateways, as a client sees it."""

    url: str
    scripts: AnswerScripts
    tokens: dict[str, str]


class Request(NamedTuple):
    """`token`: the name of a client token; none without one."""

    number: int
    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    token: str = ""

    def fields(self, side: Side) -> list[tuple[str, str]]:
        credential = [("x-goog-api-key", side.tokens[self.token])] if self.token else []
        return [(NUMBER, str(self.number)), *credential, *self.headers]

    def data(self, side: Side) -> bytes:
        return request_bytes(self.method, self.target, self.fields(side), self.body)

    def head(self, side: Side, *framing: tuple[str, str]) -> bytes:
        return request_bytes(self.method, self.target, [*self.fields(side), *framing])


Client = Callable[[Side], list[Seen]]


def seen(response: RawResponse) -> Seen:
    is_timed = response.status in (429, 503)
    own = (*OWN, "content-length") if is_timed else OWN
    headers = [(name, "…" if name.lower() in own else value) for name, value in response.headers]
    body = REQUEST_ID.sub("…".encode(), response.body)
    body = TIMES.sub("…".encode(), body) if is_timed else body
    return Seen(response.status, headers, body, response.is_complete, response.informational)


def asks(*requests: Request, is_pipelined: bool = False) -> Client:
    """One after the other on one connection, or all at once."""

    def client(side: Side) -> list[Seen]:
        with RawClient(side.url) as raw:
            if is_pipelined:
                raw.send(b"".join(request.data(side) for request in requests))
            answers = []
            for request in requests:
                if not is_pipelined:
                    raw.send(request.data(side))
                answers.append(seen(raw.read_response(without_body=request.method == "HEAD")))
                if not answers[-1].is_complete:
                    break
            return answers

    return client


def uploads(
    request: Request, sizes: Sequence[int], pause: float, *, is_chunked: bool, is_asked: bool
) -> Client:
    """The body in pieces. `is_asked`: the client waits for 100 Continue first."""

    def client(side: Side) -> list[Seen]:
        body = request.body
        length = (
            ("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(len(body)))
        )
        expect = [("Expect", "100-continue")] if is_asked else []
        with RawClient(side.url) as raw:
            raw.send(request.head(side, length, *expect))
            if is_asked:
                assert raw.read_line().startswith(b"HTTP/1.1 100"), "not asked for its body"
                raw.read_line()
            try:
                for piece in _pieces(body, sizes):
                    raw.send(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                    time.sleep(pause)
                raw.send(b"0\r\n\r\n" if is_chunked else b"")
            except (BrokenPipeError, ConnectionResetError):
                pass  # an answer came first
            return [seen(raw.read_response())]

    return client


def _pieces(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(body[start : start + size])
        start += size
    return [piece for piece in [*pieces, body[start:]] if piece]


def of_http_1_0(request: Request) -> Client:
    def client(side: Side) -> list[Seen]:
        data = request.data(side).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
        with RawClient(side.url) as raw:
            raw.send(data)
            return [seen(raw.read_response())]

    return client


def reads_slowly(request: Request) -> Client:
    def client(side: Side) -> list[Seen]:
        with RawClient(side.url) as raw:
            raw.receive_buffer(65536)
            raw.send(request.data(side))
            time.sleep(0.15)
            return [seen(raw.read_response())]

    return client


def leaves_before_its_request_is_whole(request: Request, *, with_reset: bool) -> Client:
    """Nothing is asked."""

    def client(side: Side) -> list[Seen]:
        raw = RawClient(side.url)
        raw.send(request.data(side)[:-1])
        raw.reset() if with_reset else raw.close()
        return []

    return client


def leaves_before_the_answer(request: Request, *, with_reset: bool) -> Client:
    def client(side: Side) -> list[Seen]:
        raw = RawClient(side.url)
        raw.send(request.data(side))
        side.scripts.wait_until_asked(request.number)
        raw.reset() if with_reset else raw.close()
        assert side.scripts.left[str(request.number)].wait(5), "the upstream was not told"
        return []

    return client


def leaves_in_the_answer(request: Request, *, until: bytes, with_reset: bool) -> Client:
    def client(side: Side) -> list[Seen]:
        raw = RawClient(side.url)
        raw.send(request.data(side))
        while (line := raw.read_line()) and until not in line:
            pass
        raw.reset() if with_reset else raw.close()
        assert side.scripts.left[str(request.number)].wait(5), "the upstream was not told"
        return []

    return client
