"""The bytes of a client's request, whatever they are and however they are cut."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.server.body import ChunkedBody, LengthBody
from proxyapp.server.http1 import RequestError, check_start, parse_head
from proxyapp.server.scope import parse_target

PIECES = st.lists(
    st.sampled_from(
        b"GET| |/|*|http://a|HTTP/1.1|\r\n|\n|\r|:|\t|\x00|\xe9|0|a|1;x=y\r\n|0\r\n|Host: a\r\n|"
        b"Content-Length: 1\r\n|Transfer-Encoding: chunked\r\n".split(b"|")
    ),
    max_size=12,
)


def feed(body: ChunkedBody | LengthBody, data: bytes, cuts: list[int]) -> bytes:
    """The content, with `data` given in pieces."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return b"".join(
        body.feed(data[start:end]) for start, end in pairwise(places) if not body.is_done
    )


def refusal(act: Callable[[], object]) -> int | None:
    """The status that a RequestError names."""
    try:
        act()
    except RequestError as error:
        return error.status
    return None


@given(st.lists(st.binary(min_size=1, max_size=40)), st.lists(st.integers(min_value=0), max_size=8))
def test_a_chunked_body_is_the_same_however_it_is_cut(chunks: list[bytes], cuts: list[int]) -> None:
    body = ChunkedBody()
    data = (
        b"".join(b"%X;e=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        + b"0\r\nT: x\r\n\r\n"
    )

    assert feed(body, data, cuts) == b"".join(chunks)
    assert (body.is_done, body.rest) == (True, b"")


@given(PIECES, st.lists(st.integers(min_value=0), max_size=4))
def test_a_broken_chunked_body_raises_nothing_but_request_errors(
    pieces: list[bytes], cuts: list[int]
) -> None:
    assert refusal(lambda: feed(ChunkedBody(), b"".join(pieces), cuts)) in (None, 400, 431)


@given(PIECES)
def test_a_broken_head_raises_nothing_but_request_errors(pieces: list[bytes]) -> None:
    end = b"".join(pieces) + b"\r\n\r\n"

    assert refusal(lambda: check_start(end)) in (None, 400, 505)
    assert refusal(lambda: parse_target(parse_head(end))) in (None, 400, 431, 505)
    assert refusal(lambda: parse_target(parse_head(b"GET / HTTP/1.1\r\nHost: a\r\n" + end))) in (
        None,
        400,
        431,
    )


@pytest.mark.parametrize("start", [b"\r", b"G", b"GET / HTTP/1.1\r"])
def test_what_may_become_a_request_is_waited_for(start: bytes) -> None:
    """An empty line before a request is allowed, and may come in two pieces."""
    assert refusal(lambda: check_start(start)) is None


def test_what_follows_a_body_is_handed_back() -> None:
    body = LengthBody(3)

    assert (body.feed(b"abcGET /"), body.is_done, body.rest) == (b"abc", True, b"GET /")


def test_a_long_run_of_spaces_costs_no_more_than_its_length() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX:" + b" \t" * 30000 + b"\x00\r\n\r\n"
    since = time.process_time()

    assert refusal(lambda: parse_head(head)) == 400
    assert time.process_time() - since < 0.5
