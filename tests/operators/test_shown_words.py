"""What pages call states and kinds: each word is marked for translation, in English it stays."""

from proxyapp.operators.shown_words import KINDS, kind_word, state_word
from proxyapp.provider.kinds import SPECS
from proxyapp.vocabulary.key_states import KeyState


def test_every_kind_is_marked_for_translation() -> None:
    assert set(KINDS) == {spec.label for spec in SPECS.values()}


def test_in_english_words_are_those_of_the_lower_rooms() -> None:
    assert [state_word(state) for state in KeyState] == [state.value for state in KeyState]
    assert [kind_word(kind) for kind in SPECS] == [spec.label for spec in SPECS.values()]
    assert kind_word("of_another_version") == "of another version"
