"""Compressed bodies: what comes out of them, whole or in portions, and where reading them ends."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterable

import pytest

from proxyapp.provider.codings import (
    DECODED_BYTES,
    PIECE_BYTES,
    STEP_BYTES,
    Inflater,
    decoded,
    inflated,
)

TEXT = b'{"error": {"code": 429}}' * 500
MOST = 1 << 30


def deflated(body: bytes) -> bytes:
    """Without zlib's wrapping."""
    return zlib.compress(body, wbits=-15)


def fed(inflater: Inflater, portions: Iterable[bytes]) -> bytes:
    return b"".join(piece for portion in portions for piece in inflater.feed(portion))


def byte_by_byte(body: bytes) -> Iterable[bytes]:
    return (body[at : at + 1] for at in range(len(body)))


FORMS = [
    (b"gzip", gzip.compress),
    (b"x-gzip", gzip.compress),
    (b"deflate", zlib.compress),
    (b"deflate", deflated),
    (b"deflate", gzip.compress),
    (b"gzip", zlib.compress),
]


@pytest.mark.parametrize(("coding", "pack"), FORMS)
def test_a_body_is_read_in_any_portions_and_under_a_wrong_label(
    coding: bytes, pack: Callable[[bytes], bytes]
):
    packed = pack(TEXT)

    assert decoded(packed, coding) == TEXT
    assert fed(Inflater(coding, MOST), [packed]) == TEXT
    assert fed(Inflater(coding, MOST), byte_by_byte(packed)) == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, deflated])
def test_what_came_before_garbage_or_a_cut_is_kept(pack: Callable[[bytes], bytes]):
    text = os.urandom(4 * STEP_BYTES)
    packed = pack(text)
    half = len(packed) // 2

    for broken in (packed[:half], packed[:half] + b"\xff" * 2 * STEP_BYTES):
        found = decoded(broken, b"deflate")
        assert len(found) >= STEP_BYTES
        assert text.startswith(found[:STEP_BYTES])


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b" [1]", b"<p>", b"not packed", b"\x1f\x8bno"])
@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_what_was_not_packed_stays_as_it_is(body: bytes, coding: bytes):
    assert decoded(body, coding) == body
    assert not fed(Inflater(coding, MOST), byte_by_byte(body))


def test_a_coding_that_is_not_read_leaves_the_body_alone():
    packed = gzip.compress(TEXT)

    assert decoded(packed, b"br") == packed
    assert decoded(packed, b"") == packed


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, deflated])
def test_nothing_is_what_an_empty_body_holds(pack: Callable[[bytes], bytes]):
    assert decoded(pack(b""), b"deflate") == b""


def test_garbage_alone_is_told_from_an_empty_body():
    assert inflated(b"garbage", b"gzip") is None
    assert inflated(gzip.compress(b""), b"gzip") == b""


def test_a_body_that_is_read_whole_is_cut():
    assert decoded(gzip.compress(bytes(DECODED_BYTES + 1)), b"gzip") == bytes(DECODED_BYTES)


def test_pieces_are_small_and_end_where_too_much_has_come_out():
    packed = gzip.compress(bytes(10 * PIECE_BYTES))
    inflater = Inflater(b"gzip", 3 * PIECE_BYTES)

    pieces = list(inflater.feed(packed))

    assert [len(piece) for piece in pieces] == [PIECE_BYTES] * 3
    assert (inflater.has_ended, inflater.is_broken) == (True, False)
    assert list(inflater.feed(packed)) == []


def test_what_may_come_out_grows_with_what_went_in():
    packed = gzip.compress(os.urandom(20_000))

    assert fed(Inflater(b"gzip", 10, growth=1), [packed]) == gzip.decompress(packed)
    assert len(fed(Inflater(b"gzip", 10, growth=0), [packed])) == 10


def test_what_follows_the_end_is_not_kept():
    inflater = Inflater(b"gzip", MOST)

    assert fed(inflater, [gzip.compress(TEXT), b"more", gzip.compress(TEXT)]) == TEXT
    assert inflater.has_ended
