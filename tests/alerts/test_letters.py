"""The words of messages: in the language that is set, whatever a thread spoke before."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.translation import get_language, override

from proxyapp.alerts import letters
from proxyapp.alerts.letters import letter_of, letter_of_test, outage_letter
from proxyapp.alerts.sending import TEST
from proxyapp.alerts.story import Happened, Message
from proxyapp.database.outage import REASONS

MOMENT = datetime(2026, 11, 30, 12, tzinfo=UTC)
MESSAGE = Message([Happened("Group empty has no keys yet.", MOMENT.timestamp(), 0.0)])


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_all_letters_are_made_in_the_language_that_is_set(
    language: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ADMIN_LANGUAGE = language
    monkeypatch.setattr(letters, "_name", lambda: f"in {get_language()}")
    with override("en" if language == "zh-hans" else "zh-hans"):
        made = [
            letter_of(MESSAGE, UTC),
            outage_letter("gone", MOMENT, None, UTC),
            outage_letter("gone", MOMENT, MOMENT, UTC),
        ]
    assert all(f"in {language}" in letter.title for letter in made)


def test_why_the_database_is_away_is_said_in_it_too(settings: Any) -> None:
    settings.ADMIN_LANGUAGE = "zh-hans"

    letter = outage_letter(REASONS["DiskFull"], MOMENT, None, UTC)

    assert "磁盘已满" in letter.body


def test_a_test_says_so() -> None:
    assert letter_of_test() == TEST
