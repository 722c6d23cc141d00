"""Keys are masked in any form and any pieces, and nothing else is changed."""

import html
import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyapp.vocabulary.key_masker import KeyMasker, without_key
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.plain_reading import PlainReading
from tests.support.lines_run import lines_run

KEY = "AIzaSy-a_key/that+leaks.0123456789"
MASKED = masked_key(KEY)
WAYS: list[Callable[[str], str]] = [
    str,
    lambda c: f"\\u{ord(c):04x}",
    lambda c: f"\\u{ord(c):04X}",
    lambda c: f"\\\\u{ord(c):04x}",
    lambda c: f"\\x{ord(c):02X}",
    lambda c: f"%{ord(c):02x}",
    lambda c: f"%{ord(c):02X}",
    lambda c: f"%25{ord(c):02X}",
    lambda c: f"&#{ord(c)};",
    lambda c: f"&#x{ord(c):X};",
    lambda c: f"\\u0026#{ord(c)};",
    lambda c: c if c.isalnum() else "\\" + c,
]
CODINGS = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
# No beginning of the key, nor of an escape, reaches the key or the end.
AROUND = st.text('AIza \\%&#u0x;é…\n"{}:4125', max_size=40).map(lambda text: text + "|")
WRITTEN = st.lists(st.sampled_from(WAYS), min_size=len(KEY), max_size=len(KEY)).map(
    lambda ways: "".join(way(character) for way, character in zip(ways, KEY, strict=True))
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def fed(data: bytes, cuts: list[int], key: str = KEY) -> bytes:
    masker = KeyMasker(key, masked_key(key))
    return b"".join(map(masker.feed, pieces(data, cuts))) + masker.finish()


CUTS = st.lists(st.integers(0, 4000), max_size=12)


@given(WRITTEN, AROUND, AROUND, st.sampled_from(CODINGS), CUTS)
def test_the_key_is_masked_however_it_is_written_and_cut(written, before, after, coding, cuts):
    masked = MASKED if coding == "utf-8" else MASKED.replace("…", "...")
    data = (before + written + after).encode(coding)

    assert fed(data, cuts) == (before + masked + after).encode(coding)


@given(st.binary(max_size=300), CUTS)
def test_a_text_without_the_key_passes_as_it_is(data, cuts):
    assert fed(data, cuts) == data


@given(st.text('AIzaSy-\\%&#u0x;4125"', max_size=300), CUTS)
def test_nearly_a_key_passes_as_it_is(text, cuts):
    data = (text + "|").encode()

    assert fed(data, cuts) == data


@given(st.text("ab\\u006%125", max_size=200), CUTS)
def test_the_pieces_make_no_difference(text, cuts):
    key = "abab\\u0061%25b"

    assert fed(text.encode(), cuts, key) == fed(text.encode(), [], key)


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user: é"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_the_key_in_base64_is_masked(before, encode):
    data = b'{"authorization": "Basic ' + encode(f"{before}{KEY}:x".encode()) + b'"}'

    for size in (1, 7, len(data)):
        left = fed(data, list(range(0, len(data), size)))
        assert MASKED.encode() in left
        assert (left[:25], left[-2:]) == (data[:25], b'"}')
        assert encode(KEY.encode()[3:-3])[4:-4] not in left


@pytest.mark.parametrize(
    "key", ["a%41b&#65;c\\u0041-d\\/e", "41fa0c6bdeadbeef4141", "\\\\%%&&;;", "aaaaaaaaab"]
)
@pytest.mark.parametrize(
    "write",
    [
        str,
        json.dumps,
        quote,
        html.escape,
        lambda key: quote(json.dumps(key)),
        lambda key: "%" + key,
    ],
)
def test_a_key_that_looks_escaped_is_masked(key, write):
    data = f"<{write(key)}>".encode()

    for size in (1, 5, len(data)):
        left = fed(data, list(range(0, len(data), size)), key)
        assert masked_key(key).encode() in left
        assert PlainReading(key.encode()).text not in PlainReading(left).text


@pytest.mark.parametrize("count", [len(KEY) - 1, len(KEY) // 2, 8])
@pytest.mark.parametrize("way", WAYS)
def test_what_an_end_leaves_of_a_key_is_masked(way, count):
    data = "key: " + "".join(map(way, KEY[:count]))

    assert fed(data.encode(), [3, 9, 14]) == f"key: {MASKED}".encode()


@pytest.mark.parametrize("end", ["A", "AIzaSy-", "\\u00", "%4", "&#x00004", "A\\u004", "A\0I\0"])
def test_a_little_of_a_key_comes_out_at_the_end(end):
    masker = KeyMasker(KEY, MASKED)

    assert masker.feed(b"The end: " + end.encode()) == b"The end: "
    assert masker.finish() == end.encode()


@settings(deadline=None)
@given(WRITTEN, st.sampled_from(CODINGS))
def test_no_more_is_held_than_a_key_may_have(written, coding):
    masker = KeyMasker(KEY, MASKED)
    data = (written[:-1] + "!" + "x" * 20).encode(coding)
    passed = 0
    for at in range(len(data)):
        passed += len(masker.feed(data[at : at + 1]))
        assert at + 1 - passed <= len(written.encode(coding))

    assert passed == len(data)


@pytest.mark.parametrize(
    "unit",
    [KEY[:-1], "A", "\\u0041", "%41", "\\", "&#", KEY[:-1].replace("A", "\\u0041")],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16-le"])
def test_near_keys_cost_linear_time(unit, coding):
    data = unit.encode(coding) * ((2 << 20) // len(unit.encode(coding))) + "|".encode(coding)
    masker = KeyMasker(KEY, MASKED)
    since = time.process_time()
    passed = [masker.feed(data[at : at + 65536]) for at in range(0, len(data), 65536)]
    seconds = time.process_time() - since

    assert b"".join(passed) + masker.finish() == data
    assert seconds < 2


@pytest.mark.parametrize("unit", [KEY[:-1], "A", '"error": '])
def test_ten_megabytes_of_near_keys_take_less_than_a_second(unit):
    data = unit.encode() * ((10 << 20) // len(unit))
    masker = KeyMasker(KEY, MASKED)
    since = time.process_time()
    for at in range(0, len(data), 65536):
        masker.feed(data[at : at + 65536])

    assert time.process_time() - since < 1


def test_a_mask_can_keep_the_length():
    masker = KeyMasker(KEY, MASKED, keeps_length=True)
    data = f'{{"a": "{KEY}"}}'.encode()

    assert masker.feed(data) == b'{"a": "' + b"AIza...6789".ljust(len(KEY), b"*") + b'"}'


def test_a_short_key_leaves_only_dots():
    assert without_key(b"no KEY-A here", "KEY-A", masked_key("KEY-A")) == "no •••• here".encode()


PIECES = [
    "AIzaSy-a",
    "AIzaSy-",
    "_key/that+",
    KEY,
    b64encode(KEY.encode()).decode(),
    "x",
    "\\",
    "%41",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from([KEY, "short", "AIzaSy-a"]))
def test_a_look_at_a_whole_text_says_what_reading_it_says(pieces: list[str], key: str):
    text = "".join(pieces).encode()
    masker = KeyMasker(key, "AIza…789")

    assert without_key(text, key, "AIza…789") == masker.feed(text) + masker.finish()


def test_a_text_without_the_key_is_not_read():
    """(Compiled code tells no lines.)"""
    plain, near = b"text/event-stream; charset=utf-8" * 9, KEY[:9].encode() + b"." * 280

    looking = lines_run(lambda: without_key(plain, KEY, "…"))
    reading = lines_run(lambda: without_key(near, KEY, "…"))

    assert 3 * looking <= reading
