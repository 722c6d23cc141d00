"""The fields of a mapping in another gateway's file, taken one by one: what is left is said."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxyapp.config.plain_yaml import Odd, kind, shown
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.reasons import NO_PLACE
from proxyapp.vocabulary.choices import MAX_WEIGHT
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

EMPTY: tuple[object, ...] = (None, "", False, 0)


class Fields:
    """`value`: what stands at the place, a mapping or else nothing."""

    def __init__(self, value: object, place: str, moved: MovedIn) -> None:
        if not isinstance(value, Mapping):
            if value is not None:
                moved.leave(place or _("the file"), gettext_noop("is no mapping"))
            value = {}
        moved.look_at(len(value) + 1)
        self.values: dict[Any, Any] = dict(value)
        self.place, self.moved = place, moved

    def at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def take(self, name: str) -> Any:
        value = self.values.pop(name, None)
        if isinstance(value, Odd):
            text = _("is %(kind)s, which no field takes")
            self.moved.leave(self.at(name), text % {"kind": kind(value)})
            return None
        return value

    def text(self, name: str) -> str:
        """A number is what YAML makes of an unquoted text of digits."""
        value = self.take(name)
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value).strip()
        if value is not None:
            self.moved.leave(self.at(name), gettext_noop("is no text"))
        return ""

    def number(self, name: str) -> int | None:
        value = self.take(name)
        if isinstance(value, str) and (text := value.strip()).isascii() and text.isdigit():
            value = int(text[:18])
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if value not in (None, ""):
            self.moved.leave(self.at(name), gettext_noop("is no whole number"))
        return None

    def positive(self, name: str) -> int | None:
        value = self.number(name)
        return value if value is not None and value > 0 else None

    def weight(self, name: str = "weight") -> int | None:
        """None is what needs no saying: 1."""
        value = self.positive(name)
        if value is not None and value > MAX_WEIGHT:
            text = _("is %(value)s; taken as %(most)s, the most")
            self.moved.leave(self.at(name), text % {"value": value, "most": MAX_WEIGHT})
        return None if value in (None, 1) else min(value or 1, MAX_WEIGHT)

    def flag(self, name: str) -> bool:
        return self.take(name) in (True, "true", "True", 1)

    def items(self, name: str) -> list[tuple[str, Any]]:
        """Each with its place."""
        value = self.take(name)
        if isinstance(value, list):
            self.moved.look_at(len(value))
            return [(f"{self.at(name)}[{index}]", item) for index, item in enumerate(value)]
        if value is not None:
            self.moved.leave(self.at(name), gettext_noop("is no list"))
        return []

    def each(self, name: str) -> Iterator["Fields"]:
        for place, item in self.items(name):
            yield Fields(item, place, self.moved)

    def texts(self, name: str) -> list[str]:
        return [
            str(item).strip()
            for __, item in self.items(name)
            if isinstance(item, str | int) and str(item).strip()
        ]

    def fields(self, name: str) -> "Fields":
        return Fields(self.take(name), self.at(name), self.moved)

    def leave_rest(
        self, reasons: Mapping[str, str] | None = None, otherwise: str = NO_PLACE
    ) -> None:
        """What says nothing needs no word."""
        for name, value in self.values.items():
            if value in EMPTY or value == [] or value == {}:
                continue
            plain = shown(name).strip("'")
            self.moved.leave(self.at(plain), (reasons or {}).get(str(name), otherwise))
