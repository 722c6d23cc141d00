"""`${NAME}` and `${NAME:-default}` in the values of a config file.

What comes out is text, whatever it holds: never a list, a mapping or a field. `$${` stands for the
two characters themselves. No message repeats what a variable holds.
"""

import json
import re
from collections.abc import Mapping

from proxyapp.config.key_places import SEPARATORS
from proxyapp.config.plain_yaml import BadValue
from proxyapp.vocabulary.in_words import gettext as _

START = "${"
VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\$\{")
# Many mentions of one long variable must not fill the memory.
MAX_CHARACTERS = 16 * 1024 * 1024


class FromVariable(str):
    """A value that is nothing but one variable: it may hold several keys, a number or a flag.

    `name`: of the variable.
    """

    name: str


class Variables:
    """`environment`: None where no variable may be read, as in what is sent to the admin."""

    def __init__(self, environment: Mapping[str, str] | None) -> None:
        self.environment = environment
        self.characters = 0

    def expanded(self, text: str) -> str:
        """Raises BadValue."""
        if START not in text:
            return text
        whole = VARIABLE.fullmatch(text.strip())
        value = VARIABLE.sub(self._value, text)
        self.characters += len(value)
        if self.characters > MAX_CHARACTERS:
            raise BadValue(
                _("variables give more than %(most)s MiB") % {"most": MAX_CHARACTERS // 1024**2}
            )
        if whole is None or whole[1] is None:
            return value
        alone = FromVariable(value.strip())
        alone.name = whole[1]
        return alone

    def _value(self, found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if found[0] == f"${START}":
            return START
        if name is None:
            raise BadValue(
                _(
                    "${ begins no variable: write ${NAME} or ${NAME:-default}, and $${ for the two"
                    " characters"
                )
            )
        if self.environment is None:
            raise BadValue(
                _(
                    "${%(name)s} is filled in only in a file on the gateway's machine; write the"
                    " value here, or $${%(name)s} if that is the text"
                )
                % {"name": name}
            )
        value = self.environment.get(name, "")
        if value.strip() or default is not None:
            return value if value.strip() else str(default)
        is_empty = name in self.environment
        raise BadValue(_without_value(is_empty=is_empty) % {"name": name})


def _without_value(*, is_empty: bool) -> str:
    if is_empty:
        return _(
            "${%(name)s} is empty: set it in the environment or in .env, or write"
            " ${%(name)s:-default}"
        )
    return _(
        "${%(name)s} is not set: set it in the environment or in .env, or write"
        " ${%(name)s:-default}"
    )


def keys_of(value: FromVariable) -> list[str]:
    """The keys of a list as people write it in `.env`: with commas or lines, or as JSON.

    Raises BadValue.
    """
    if not value.startswith("["):
        return [key for part in SEPARATORS.split(value) if (key := _unquoted(part))]
    try:
        keys = json.loads(value)
    except (ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise BadValue(
            _('${%(name)s} begins with [ and is no list such as ["first", "second"]')
            % {"name": value.name}
        )
    return [key for key in keys if key.strip()]


def escaped(text: str) -> str:
    """So that it is read as it is."""
    return text.replace(START, f"${START}")


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text
