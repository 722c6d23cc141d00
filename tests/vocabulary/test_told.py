"""Texts that are kept in English and shown in the language of a page."""

import json

import pytest
from django.utils import translation

from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.told import shown, told

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "gettext", lambda text: f"[{text}]")


def test_it_is_a_text_in_english_for_programs_and_rows() -> None:
    source = told("group %(name)s", name="main")

    assert source == "group main"
    assert json.dumps({"source": source}) == '{"source": "group main"}'
    assert source[:5] == "group"


def test_a_page_shows_it_translated_and_its_values_as_they_are() -> None:
    assert shown(told("group %(name)s", name="100 %(name)s")) == "[group 100 %(name)s]"


def test_a_text_in_a_text_is_translated_too() -> None:
    text = told("%(meaning)s: %(said)s", meaning=told("the key is dead"), said="API key expired.")

    assert text == "the key is dead: API key expired."
    assert shown(text) == "[[the key is dead]: API key expired.]"


def test_a_text_without_values_may_hold_whatever_a_database_says() -> None:
    text = told("away: %(reason)s", reason=told('near "100%": syntax error'))

    assert text == 'away: near "100%": syntax error'
    assert shown(text) == '[away: [near "100%": syntax error]]'


def test_a_plain_text_is_looked_up_as_it_is() -> None:
    assert shown(gettext_noop("works")) == "[works]"
    assert shown("") == ""
