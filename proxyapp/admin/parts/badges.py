"""Coloured labels, in the look of the theme."""

from typing import Literal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from proxyapp.operators.shown_words import kind_word, state_word
from proxyapp.provider.kinds import SPECS
from proxyapp.vocabulary.key_states import KeyState

Variant = Literal["default", "info", "success", "warning", "danger", "primary"]


def badge(text: str, variant: Variant = "default") -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def kind_badge(kind: str) -> SafeString:
    """A kind that another version wrote has no colour."""
    return badge(kind_word(kind), SPECS[kind].tone if kind in SPECS else "default")


def state_badge(state: KeyState) -> SafeString:
    return badge(state_word(state), state.spec.tone)
