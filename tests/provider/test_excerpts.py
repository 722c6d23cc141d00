"""What is kept of an upstream's words has no key in it."""

import gzip

import pytest

from proxyapp.provider.excerpts import EXCERPT_CHARACTERS, excerpt
from tests.support.refusals import KEY


@pytest.mark.parametrize(
    "other",
    [KEY, "AQ." + "Ab8-_" * 8, "sk-proj-" + "a1B2" * 8, "ya29." + "a0Af_" * 10],
    ids=lambda key: key[:4],
)
def test_an_excerpt_shows_no_key_neither_the_one_that_was_used_nor_any_other(other):
    text = excerpt(f"my-own-secret, {other}".encode(), "my-own-secret", "my-…et")

    assert text.startswith("my-…et, ")
    assert other[4:-4] not in text


@pytest.mark.parametrize(
    "word",
    [
        "task-management-for-everyone-today",
        "AIzatoll",
        "sk-learn",
        "MAQ.abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_an_excerpt_leaves_words_alone(word):
    assert excerpt(word.encode(), "", "*") == word


def test_an_excerpt_masks_before_it_cuts():
    body = b"x" * (EXCERPT_CHARACTERS - 10) + KEY.encode() + b" " + b"y" * 99

    text = excerpt(body, "", "*")

    assert len(text) == EXCERPT_CHARACTERS
    assert KEY[:10] not in text


def test_an_excerpt_of_a_compressed_body_is_its_text():
    assert excerpt(gzip.compress(b"a\x00b SECRET"), "SECRET", "S") == "ab S"


def test_an_excerpt_turns_no_text_around_and_sends_a_terminal_nothing():
    text = excerpt("a \u202eb\u2066 \x1b[31mc\nd".encode(), "", "*")

    assert text == "a \ufffdb\ufffd \ufffd[31mc\nd"
