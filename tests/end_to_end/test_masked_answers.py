"""No answer shows the key, however the upstream writes it and in whatever pieces."""

import asyncio
import gzip
import json
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable
from random import Random
from urllib.parse import quote

import pytest

from proxyapp.vocabulary.plain_reading import PlainReading
from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.raw_client import RawResponse, exchange

KEY = "AIzaSy-a-key-that-leaks-0123456789"
MASKED = "AIza…6789"
NARROW = "AIza...6789"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in KEY)
Answer = Callable[[Recorded, Connection], Awaitable[None]]
LONG = "x" * 200_000
EVENT = b'data: {"candidates": [{"content": {"parts": [{"text": "AIzaSy is no key"}]}}]}\r\n\r\n'


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway([KEY], server=request.param, rate_limit_policy="quota_aware")


def in_pieces(status: int, *pieces: bytes, headers: bytes = b"", is_whole: bool = True) -> Answer:
    """Chunked, each piece by itself."""

    async def answer(request: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 %d Yes\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (status, headers)
        await connection.send(head)
        for piece in pieces:
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            await asyncio.sleep(0.01)
        if is_whole:
            await connection.send(b"0\r\n\r\n")
        else:
            connection.close()

    return answer


def sized(status: int, body: bytes, headers: bytes = b"") -> Answer:
    async def answer(request: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 %d Yes\r\n%bContent-Length: %d\r\n\r\n" % (status, headers, len(body))
        await connection.send(head + body)

    return answer


def answered(gateway: Gateway, upstream: FakeUpstream, script: Answer) -> RawResponse:
    upstream.on(STREAM, script)
    answer = exchange(gateway.url, "POST", STREAM, [], b"{}")
    upstream.reset()
    return answer


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_an_error_is_masked_in_any_form_and_pieces(gateway: Gateway, upstream: FakeUpstream):
    coded = b64encode(f"user:{KEY}".encode())
    for text, masked in [
        (f"no: {KEY}!".encode(), f"no: {MASKED}!".encode()),
        (f'{{"no": "{ESCAPED}"}}'.encode(), f'{{"no": "{MASKED}"}}'.encode()),
        (quote(ESCAPED).encode(), MASKED.encode()),
        (f"no: {KEY}!".encode("utf-16-le"), f"no: {NARROW}!".encode("utf-16-le")),
        (f"no: {KEY}!".encode("utf-16-be"), f"no: {NARROW}!".encode("utf-16-be")),
        (b"Basic " + coded + b".", b"Basic " + coded[:7] + MASKED.encode() + coded[-2:] + b"."),
        (f"at the end {KEY}".encode(), f"at the end {MASKED}".encode()),
        (f"cut {KEY[:-1]}".encode(), f"cut {MASKED}".encode()),
    ]:
        answer = answered(gateway, upstream, in_pieces(400, *cut(text, 9)))

        assert (answer.status, answer.is_complete) == (400, True)
        if b"Basic" in text:
            assert coded[8:-4] not in answer.body
            assert MASKED.encode() in answer.body
        else:
            assert answer.body == masked


@pytest.mark.parametrize("is_sized", [True, False])
def test_a_long_error_is_relayed_whole_and_masked(gateway, upstream, is_sized):
    text = f"{KEY}{LONG}{ESCAPED}{LONG}{KEY}".encode()
    script = sized(400, text) if is_sized else in_pieces(400, *cut(text, 7001))

    answer = answered(gateway, upstream, script)

    assert (answer.status, answer.is_complete) == (400, True)
    assert answer.body == f"{MASKED}{LONG}{MASKED}{LONG}{MASKED}".encode()
    assert answer.values("content-length") == []


def test_a_long_packed_error_is_relayed_whole_and_masked(gateway, upstream):
    noise = Random(7).randbytes(150_000).hex()
    text = f"{noise}{KEY}{noise[::-1]}".encode()
    for coding, packed in [(b"gzip", gzip.compress(text)), (b"deflate", zlib.compress(text))]:
        assert len(packed) > 65536 * 2
        head = b"Content-Encoding: %b\r\n" % coding

        answer = answered(gateway, upstream, sized(400, packed, head))

        assert (answer.status, answer.is_complete) == (400, True)
        assert answer.body == text.replace(KEY.encode(), MASKED.encode())
        assert answer.values("content-encoding") == []


def test_a_long_error_that_breaks_off_leaves_no_part_of_the_key(gateway, upstream):
    text = f"{LONG}{KEY[:-1]}".encode()

    answer = answered(gateway, upstream, in_pieces(400, text, is_whole=False))

    assert (answer.status, answer.is_complete) == (400, False)
    assert KEY[:8].encode() not in answer.body


def test_a_redirect_is_masked_in_its_place_and_its_text(gateway, upstream):
    percent = "".join(f"%{ord(character):02X}" for character in KEY)
    head = f"Location: https://x.test/?key={percent}&a=%20b\r\nX-Key: {KEY}\r\n".encode()

    answer = answered(gateway, upstream, sized(302, f"see ?key={percent}".encode(), head))

    assert answer.status == 302
    assert answer.values("location") == [f"https://x.test/?key={NARROW}&a=%20b"]
    assert answer.values("x-key") == [NARROW]
    assert answer.body == f"see ?key={MASKED}".encode()


def test_a_long_packed_error_that_is_broken_is_not_relayed(gateway, upstream):
    packed = gzip.compress(Random(7).randbytes(150_000).hex().encode())
    head = b"Content-Encoding: gzip\r\n"
    small = gzip.compress(Random(7).randbytes(15_000).hex().encode())
    early = [small[:-8] + bytes(8), *cut(bytes(90_000), 7001)]
    late = [*cut(packed, 7001), *cut(packed, 7001)]

    told = answered(gateway, upstream, in_pieces(400, *early, headers=head))
    left = answered(gateway, upstream, in_pieces(400, *late, headers=head))

    assert (told.status, told.is_complete) == (400, True)
    assert b"or that is broken" in told.body
    assert (left.status, left.is_complete) == (400, False)


@pytest.mark.parametrize("written", [KEY, ESCAPED, quote(ESCAPED)])
def test_an_error_at_the_end_of_a_stream_is_masked(gateway, upstream, written):
    error = json.dumps({"error": {"code": 400, "message": "Bad: KEY"}}).replace("KEY", written)
    text = EVENT * 3 + f"data: {error}\r\n\r\n".encode()
    for size in (11, 64, len(text)):
        script = in_pieces(200, *cut(text, size), headers=b"Content-Type: text/event-stream\r\n")

        answer = answered(gateway, upstream, script)

        assert (answer.status, answer.is_complete) == (200, True)
        assert answer.body == text.replace(written.encode(), MASKED.encode())


def test_a_success_with_the_key_in_it_keeps_its_length(gateway, upstream):
    text = b'{"candidates": [{"content": "%b"}]}' % KEY.encode()

    answer = answered(gateway, upstream, sized(200, text))

    assert (answer.status, answer.is_complete) == (200, True)
    assert answer.body == text.replace(KEY.encode(), NARROW.encode().ljust(len(KEY), b"*"))


def test_a_success_that_ends_like_the_beginning_of_a_key_is_whole(gateway, upstream):
    text = EVENT + b"data: AIzaSy-a-key-that"

    answer = answered(gateway, upstream, in_pieces(200, *cut(text, 5)))

    assert (answer.status, answer.is_complete) == (200, True)
    assert KEY[:9].encode() not in PlainReading(answer.body).text
    assert answer.body.startswith(EVENT)


def test_a_short_key_is_a_word_in_a_success(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(["ollama"])
    text = b'{"candidates": [{"content": "ollama runs models"}]}'

    assert answered(gateway, upstream, sized(200, text)).body == text
    assert answered(gateway, upstream, sized(404, text)).body == text.replace(
        b"ollama", "••••".encode()
    )
