"""What an operator may set of something: its name, its sort, what it may be, how it is shown."""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, dataclass
from enum import StrEnum
from typing import Any, Literal

from proxyapp.vocabulary.choices import choice_values
from proxyapp.vocabulary.in_words import gettext
from proxyapp.vocabulary.quoting import quoted

Sort = Literal[
    "text",
    "number",
    "flag",
    "certificates",
    "exits",
    "models",
    "aliases",
    "fallbacks",
    "limits",
    "spill",
]
Check = Callable[[str], str | None]


def anything(_: bool) -> Check:
    return lambda value: None


def one_of(choices: type[StrEnum]) -> Callable[[bool], Check]:
    values = choice_values(choices)
    known = ", ".join(values)

    def problem(value: str) -> str | None:
        return None if value in values else gettext("must be one of %(known)s") % {"known": known}

    return lambda _: problem


def as_it_is(value: Any) -> Any:
    return value


def in_lines(lines: Callable[[Any], list[str]]) -> Callable[[Any], str]:
    return lambda value: quoted("; ".join(lines(value))) if value else "none"


@dataclass(frozen=True, slots=True)
class SettingField:
    """`check`: of a text, for a group that may, or may not, reach link-local addresses. `allowed`:
    the numbers; None, too, where that is the default. `shown`: the value in a line of text, without
    what is secret in it. `is_of_trust`: it widens what the gateway trusts, and has its own part of
    the form. `file_name`, `in_file`: where the config file has another name for it, and the value
    in another form.
    """

    name: str
    default: Any
    sort: Sort = "text"
    check: Callable[[bool], Check] = anything
    allowed: range = range(0)
    shown: Callable[[Any], str] = quoted
    is_always_exported: bool = False
    is_of_trust: bool = False
    file_name: str = ""
    in_file: Callable[[Any], Any] = as_it_is

    @property
    def name_in_file(self) -> str:
        return self.file_name or self.name

    @property
    def is_required(self) -> bool:
        return self.default is MISSING

    @property
    def is_optional(self) -> bool:
        return self.default is None


def fields_of(settings: type) -> tuple[SettingField, ...]:
    """Of a dataclass; what stands beside a field of it is a SettingField's, by the same names."""
    return tuple(
        SettingField(one.name, _default(one), **one.metadata)
        for one in dataclasses.fields(settings)
    )


def _default(one: dataclasses.Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()
