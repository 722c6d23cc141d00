"""Coloured labels, in the look of the theme."""

from typing import Literal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from proxyapp.provider.kinds import SPECS, label_of

Variant = Literal["default", "info", "success", "warning", "danger", "primary"]

STATE_VARIANTS: dict[str, Variant] = {
    "available": "success",
    "cooling": "warning",
    "disabled": "default",
    "invalid": "danger",
}


def badge(text: str, variant: Variant = "default") -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def state_badge(state: str) -> SafeString:
    """For `available`, `cooling`, `disabled` and `invalid`."""
    return badge(state, STATE_VARIANTS.get(state, "default"))


def kind_badge(kind: str) -> SafeString:
    """A kind that another version wrote has no colour."""
    return badge(label_of(kind), SPECS[kind].tone if kind in SPECS else "default")
