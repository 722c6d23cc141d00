"""Whose words a close repeats."""

import pytest

from proxyapp.live_api.closing import Closing
from proxyapp.live_api.own_words import OwnWords
from tests.support.fake_live import QUOTA_WORDS

OWN, OTHER = Closing(1011, QUOTA_WORDS), Closing(1011, "Resource has been exhausted")


def test_words_of_a_setup_are_its_clients() -> None:
    words = OwnWords()
    words.note_setup(f'{{"text": "{QUOTA_WORDS.upper()}"}}')

    assert not words.is_of_upstreams_quota(OWN)
    assert words.is_of_upstreams_quota(OTHER)


def test_of_too_many_words_none_is_believed() -> None:
    words = OwnWords()
    for _ in range(20):
        words.note_setup("limit " * 10_000)

    assert not words.is_of_upstreams_quota(OTHER)


@pytest.mark.parametrize("message", [QUOTA_WORDS, QUOTA_WORDS.encode(), "x" * 70_000])
def test_later_words_are_a_doubt_where_an_upstream_judges_messages(message: str | bytes) -> None:
    words = OwnWords()
    words.note_later(message)
    words.note_later("hello")

    assert words.is_of_upstreams_quota(OWN)
    assert not words.is_of_upstreams_quota(Closing(1008, QUOTA_WORDS))


def test_other_words_raise_no_doubt() -> None:
    words = OwnWords()
    words.note_setup("hello")
    words.note_later("hello")

    assert words.is_of_upstreams_quota(Closing(1008, QUOTA_WORDS))
