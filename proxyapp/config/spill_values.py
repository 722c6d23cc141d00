"""The `spill` of a group of a config file."""

from proxyapp.config.checked_tree import CheckedTree, typed
from proxyapp.config.plain_yaml import UNKNOWN
from proxyapp.vocabulary.choices import MIN_SPILL
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.turn_fields import is_spill

EXAMPLE = "{after: 0.9}"


class SpillValues(CheckedTree):
    def spill(self, value: object, place: str) -> float | None:
        """None is what is not given, or said wrong."""
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            self.not_of_kind(
                place, _("a mapping such as %(example)s") % {"example": EXAMPLE}, value
            )
            return None
        self.mapping(value, place, ("after",))
        after = _number(typed(value.get("after")))
        if is_spill(after):
            return float(str(after))
        if after is not UNKNOWN:
            self.wrong(
                f"{place}.after",
                _("must be a part of the day's quota, from %(least)s to 1, such as 0.9")
                % {"least": MIN_SPILL},
            )
        return None


def _number(value: object) -> object:
    """A variable that stands alone holds a text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
