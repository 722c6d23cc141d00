"""Coloured labels, in the look of the theme."""

from typing import Literal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from proxyapp.vocabulary.key_states import KeyState

Variant = Literal["default", "info", "success", "warning", "danger", "primary"]


def badge(text: str, variant: Variant = "default") -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def state_badge(state: KeyState) -> SafeString:
    return badge(state, state.spec.tone)
