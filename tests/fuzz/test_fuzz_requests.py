"""Bytes of clients, meant well and ill.

What applications see depends on the bytes alone, and others would agree.
"""

import asyncio
import re
from itertools import pairwise
from typing import Any, NamedTuple

import h11
import httptools
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.server.connection import ClientConnection
from proxyapp.server.http_server import ConnectionLimits, HttpServer
from proxyapp.server.scope import Target
from tests.fuzz.timebox import for_seconds

LOOP = asyncio.new_event_loop()
STATUS = re.compile(rb"HTTP/1\.1 \d{3} ")

NAMES = st.sampled_from(
    b"Host|host|Content-Length|content-length|Transfer-Encoding|X-A|x_b|Connection|Expect|"
    b"Content-Type|Te|Cookie|X: Y| X|X |Content-Length\x00|Transfer_Encoding".split(b"|")
)
VALUES = st.sampled_from(
    b"a|chunked|Chunked|xchunked|gzip, chunked|chunked, chunked|identity|0|1|3|5|+5|05|0x5|5, 5|-1|"
    b"close|keep-alive|99999999999999999999|100-continue|"
    b"\xe9|a\x00b|a\rb|a\nb|a\r\n b|a\tb||a: b".split(b"|")
)
SPACES = st.sampled_from([b" ", b" ", b" ", b"", b"\t", b"  ", b"\r\n "])
LINE_ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\r\n\r\n", b""])
HEADERS = st.builds(
    lambda *parts: b"".join(parts), NAMES, st.just(b":"), SPACES, VALUES, SPACES, LINE_ENDS
)
TARGETS = st.sampled_from(
    b"/|/a?b=c|/a%2Fb|//evil/x|/a#b|http://a/b|http:evil|*|/\xe9|/a b|/\x00|a|http://u@a/|/..;/x".split(
        b"|"
    )
)
METHODS = st.sampled_from(b"GET|POST|POST|POST|HEAD|OPTIONS|x-own|CONNECT|G(T".split(b"|"))
VERSIONS = st.sampled_from(
    b"HTTP/1.1|HTTP/1.1|HTTP/1.1|HTTP/1.1|HTTP/1.0|HTTP/2.0|HTTP/1.1 |http/1.1|".split(b"|")
)
CHUNKS = st.sampled_from(
    b"1\r\na\r\n|5\r\nabcde\r\n|A\r\n0123456789\r\n|3;x=y\r\nabc\r\n|3 ;x\r\nabc\r\n|03\r\nabc\r\n|"
    b"0x3\r\nabc\r\n|3\nabc\r\n|3\r\nabc\n|3\r\nabcd\r\n|+3\r\nabc\r\n|0\r\n\r\n|0\r\nA: b\r\n\r\n|"
    b"0\r\nContent-Length: 3\r\n\r\n|0\r\n\n|0;\r\n\r\n|fffffffffffffffff\r\n".split(b"|")
)
CHUNKED = st.lists(CHUNKS, max_size=4).map(
    lambda chunks: b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)
)
SIZED = st.builds(
    lambda body, said: b"Content-Length: %d\r\n\r\n" % max(0, len(body) + said) + body,
    st.binary(max_size=8),
    st.sampled_from([0, 0, 0, 0, -1, 1]),
)
ENDS = CHUNKED | CHUNKED.map(lambda end: end + b"0\r\n\r\n") | SIZED | st.just(b"\r\n")
REQUESTS = st.builds(
    lambda method, target, version, headers, end: (
        b"%b %b %b\r\nHost: a\r\n" % (method, target, version) + b"".join(headers) + end
    ),
    METHODS,
    TARGETS,
    VERSIONS,
    st.lists(HEADERS, max_size=2),
    ENDS,
)
HONEST = st.builds(lambda end: b"POST / HTTP/1.1\r\nHost: a\r\n" + end, ENDS)
INSERTED = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"\x00", b" ", b"\t", b":", b";", b"0", b"\xff", b"\x0b"]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A few requests after one another, sometimes with a byte too many somewhere."""
    data = b"".join(draw(st.lists(REQUESTS | HONEST, min_size=1, max_size=3)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(INSERTED) + data[at + draw(st.integers(0, 1)) :]
    return data


class Seen(NamedTuple):
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Side(HttpServer):
    """Its application reads every request and answers it with nothing."""

    def __init__(self) -> None:
        super().__init__(ConnectionLimits(body_bytes=1000))
        self.loop = LOOP
        self.application = self.answer
        self.seen: list[Seen] = []

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        target = scope["extensions"]["gateway.target"]["raw"]
        headers = [field for field in scope["headers"] if field[0] != b"host"]
        self.seen.append(Seen(scope["method"].encode(), target, headers, body))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})


class Wire:
    """A transport that takes everything at once and remembers it."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def get_extra_info(self, name: str) -> Any:
        return ("client", 1)

    def _nothing(self, *arguments: object) -> None:
        pass

    write_eof = close = abort = pause_reading = resume_reading = _nothing


class WiredConnection(ClientConnection):
    def hand_over(self, data: bytes, target: Target) -> None:
        raise AssertionError("a WebSocket came out of what is none")


def served(*pieces: bytes) -> tuple[list[Seen], bytes]:
    """What the application saw, and what went back."""

    async def serve() -> tuple[list[Seen], bytes]:
        side = Side()
        wire = Wire()
        connection = WiredConnection(side)
        connection.connection_made(wire)
        for piece in pieces:
            connection.data_received(piece)
            for _ in range(8):
                await asyncio.sleep(0)
        connection.connection_lost(None)
        for _ in range(3):
            await asyncio.sleep(0)
        assert not side.tasks
        return side.seen, wire.written

    return LOOP.run_until_complete(serve())


def by_h11(data: bytes) -> tuple[list[Seen], bool]:
    """What h11 reads, and whether it read all of it as it should be."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    seen: list[Seen] = []
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                headers = [
                    (bytes(name), bytes(value))
                    for name, value in request.headers
                    if name != b"host"
                ]
                seen.append(Seen(bytes(request.method), bytes(request.target), headers, body))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
            else:
                return seen, event is h11.NEED_DATA
    except h11.ProtocolError:
        return seen, False


class Llhttp:
    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.url = self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() != b"host":
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.count = len(self.headers)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        """Trailers arrive as headers, too."""
        self.seen.append(
            Seen(self.parser.get_method(), self.url, self.headers[: self.count], self.body)
        )


def by_llhttp(data: bytes) -> tuple[list[Seen], bool]:
    reader = Llhttp()
    try:
        reader.parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return reader.seen, False
    return reader.seen, True


@for_seconds(8)
@given(data=streams(), cuts=st.lists(st.integers(min_value=0), max_size=6))
def test_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})

    whole, answers = served(data)
    cut, cut_answers = served(*(data[start:end] for start, end in pairwise(places)))

    assert cut == whole
    assert STATUS.findall(cut_answers) == STATUS.findall(answers)


@for_seconds(4)
@given(data=streams())
def test_byte_by_byte_is_the_same(data: bytes) -> None:
    assert served(*(data[at : at + 1] for at in range(len(data))))[0] == served(data)[0]


@for_seconds(8)
@given(data=streams())
def test_what_is_accepted_means_the_same_to_others(data: bytes) -> None:
    """They may refuse it, or go on where the gateway has refused: but no request means another."""
    ours, _ = served(data)
    for theirs, is_fine in (by_h11(data), by_llhttp(data)):
        both = min(len(ours), len(theirs))
        assert ours[:both] == theirs[:both]
        assert len(theirs) >= len(ours) or not is_fine


@for_seconds(2)
@given(data=st.binary(max_size=400), cuts=st.integers(0, 400))
def test_garbage_gets_one_refusal_at_most(data: bytes, cuts: int) -> None:
    seen, answers = served(data[:cuts], data[cuts:])

    assert seen == []
    assert answers == b"" or answers[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 505")
