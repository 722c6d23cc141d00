"""The states of a key that operators see: filters, badges, JSON and pages list them from here."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from django.utils.translation import pgettext

from proxyapp.vocabulary.marks import gettext_noop as _

# Why a key is disabled that nobody disabled: it is enabled again when the config file has it again.
MISSING_FROM_FILE = _("missing from the config file")


@dataclass(frozen=True, slots=True)
class KeyStateSpec:
    """`tone`: the colour of its label. `icon`: a Material symbol. `meaning`: in a few words."""

    tone: Literal["success", "warning", "default", "danger"]
    icon: str
    meaning: str


class KeyState(StrEnum):
    """In the order in which they are listed; the dashboard's rows give the place in it."""

    AVAILABLE = "available"
    COOLING = "cooling"
    DISABLED = "disabled"
    INVALID = "invalid"

    @property
    def spec(self) -> KeyStateSpec:
        return SPECS[self]

    @property
    def word(self) -> str:
        """As a page shows it, in its language."""
        words = {
            KeyState.AVAILABLE: pgettext("key", "available"),
            KeyState.COOLING: pgettext("key", "cooling"),
            KeyState.DISABLED: pgettext("key", "disabled"),
            KeyState.INVALID: pgettext("key", "invalid"),
        }
        return words[self]

    @property
    def is_in_rotation(self) -> bool:
        """Now or when its cooldown ends, without an operator's doing."""
        return self in {KeyState.AVAILABLE, KeyState.COOLING}


SPECS = {
    KeyState.AVAILABLE: KeyStateSpec("success", "check_circle", _("in rotation")),
    KeyState.COOLING: KeyStateSpec("warning", "timer", _("until its limit has passed")),
    KeyState.DISABLED: KeyStateSpec(
        "default", "pause_circle", _("by an operator, or missing from the file")
    ),
    KeyState.INVALID: KeyStateSpec("danger", "error", _("refused by the provider")),
}
