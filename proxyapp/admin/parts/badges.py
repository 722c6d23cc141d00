"""Coloured labels, in the look of the theme."""

from functools import lru_cache
from typing import Literal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from proxyapp.operators.shown_words import kind_word
from proxyapp.provider.kinds import SPECS
from proxyapp.vocabulary.key_states import KeyState

Variant = Literal["default", "info", "success", "warning", "danger", "primary"]


# States, kinds and outcomes in each language; what other versions wrote may be anything.
MOST_KEPT = 500


@lru_cache(maxsize=MOST_KEPT, typed=True)
def badge(text: str, variant: Variant = "default") -> SafeString:
    """Kept: the theme's template takes 0.1 ms, for each row of a list."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def kind_badge(kind: str) -> SafeString:
    """A kind that another version wrote has no colour."""
    return badge(kind_word(kind), SPECS[kind].tone if kind in SPECS else "default")


def state_badge(state: KeyState) -> SafeString:
    return badge(state.word, state.spec.tone)
