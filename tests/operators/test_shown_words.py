"""What pages call states of keys, kinds and results of tests: in English as the lower rooms do."""

import pytest
from django.utils import translation

from proxyapp.operators import shown_words
from proxyapp.operators.shown_words import kind_word, message_word
from proxyapp.provider.kinds import SPECS
from proxyapp.vocabulary.key_states import MISSING_FROM_FILE, KeyState

SAID = "API key expired: renew it"


def test_in_english_words_are_those_of_the_lower_rooms() -> None:
    assert [state.word for state in KeyState] == [state.value for state in KeyState]
    assert [kind_word(kind) for kind in SPECS] == [spec.label for spec in SPECS.values()]
    assert kind_word("of_another_version") == "of another version"
    for message in ("", "works", MISSING_FROM_FILE, f"400: the key is dead: {SAID}"):
        assert message_word(message) == message


def test_what_a_provider_said_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"the key is dead": "密钥已失效", "not asked: why": "未询问", "renew it": "!"}
    monkeypatch.setattr(shown_words, "gettext", lambda text: words.get(text, text))

    with translation.override("zh-hans"):
        assert message_word(f"the key is dead: {SAID}") == f"密钥已失效: {SAID}"
        assert message_word(f"400: the key is dead: {SAID}") == f"400: 密钥已失效: {SAID}"
        assert message_word("not asked: why") == "未询问"
        assert message_word(SAID) == SAID
