"""What a setting is, and the kinds of them: how its text is read, and what may stand there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.dotenv import COMMENT, CONTROL
from gateway.environment import Environment
from gateway.secret_file import SUFFIX

Value = TypeVar("Value")
Number = TypeVar("Number", int, float)
Check = Callable[[str], str]  # what is wrong with a text and what to write instead; "": nothing

# More would overflow a date, or a clock of what the gateway stands on: by the unit in the name.
MOST = {
    "DAYS": 36_500,
    "HOURS": 876_000,
    "MINUTES": 525_600,
    "SECONDS": 1_000_000,
    "BYTES": 2**50,
    "ROWS": 100_000_000,
}
NEARLY = 0.87  # of 1: a letter too few, two that changed places
MOST_TIMES = 1_000_000
QUOTES = "'\"`"
VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]+|\$?\{.*\}|\$\(.*\)|%[A-Z_]+%|<[^<>]*>")
LIST = re.compile(r"""[\[({]\s*["']|.*["'`]""")
TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


class Unfit(ValueError):
    """What cannot stand there. `text` is the part of the value that is to blame."""

    def __init__(self, complaint: str, text: str | None = None) -> None:
        super().__init__(complaint)
        self.text = text


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """A row of the table.

    `parse` raises Unfit. `documented` is the default as `.env.example` shows it. A secret's value
    is in no problem, and may stand in a file that `NAME_FILE` names.
    """

    name: str
    default: Value
    sentence: str
    parse: Callable[[str], Value]
    documented: str
    is_secret: bool = False

    @property
    def names(self) -> list[str]:
        """The variables that it is read from."""
        return [self.name, self.name + SUFFIX] if self.is_secret else [self.name]

    def value(self, env: Environment) -> Value:
        """The default stands in for what cannot be read: that is a problem of `env`."""
        given = env.secret(self.name) if self.is_secret else env.text(self.name)
        if given is None:
            return self.default
        try:
            if complaint := misread(given):
                raise Unfit(complaint)
            return self.parse(given)
        except Unfit as unfit:
            place = env.place_of(self.name)
            env.problems.append(f"{place}{self._blamed(given, unfit)} {unfit}")
            return self.default

    def _blamed(self, given: str, unfit: Unfit) -> str:
        if self.is_secret:
            return self.name
        return f"{self.name}={given!r}" if unfit.text is None else f"{self.name}: {unfit.text!r}"


def anything(_: str) -> str:
    return ""


def misread(text: str) -> str:
    """What a file or a shell left in a value that it should have taken away.

    `docker run --env-file` and the `environment:` of a compose file hand on such texts as they are.
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES:
        return "has quotes around it that belong to the value here: leave them out"
    if CONTROL.search(text):
        return "has a line break or a control character in it: write it on one line"
    if COMMENT.search(text):
        return "has a comment in it that belongs to the value here: leave it out"
    if VARIABLE.fullmatch(text):
        return "is a variable that nobody filled in: write its value"
    return ""


def _within(name: str, given: Number, zero: str) -> Number:
    most = MOST.get(name.rpartition("_")[2], MOST_TIMES)
    if given < 0 or (given == 0 and not zero):
        raise Unfit(f"must be 0 ({zero}) or more" if zero else "must be more than 0")
    if given > most:
        raise Unfit(f"must be {most} at most")
    return given


class Table:
    """A row is read as it is written down: what a method returns is the setting's value."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.rows: list[Setting[Any]] = []

    def misspelt(self) -> list[str]:
        """A line for each name of `.env` that is nearly a setting's; other programs' are not
        meant for us.
        """
        names = [name for row in self.rows for name in row.names]
        return [
            f"warning: {line} sets {name}, which is no setting: is {near[0]} meant?"
            for name, line in self._env.file_lines.items()
            if name not in names and (near := get_close_matches(name, names, 1, NEARLY))
        ]

    def _read(self, setting: Setting[Value]) -> Value:
        self.rows.append(setting)
        return setting.value(self._env)

    def whole(self, name: str, default: int, sentence: str, *, zero: str = "") -> int:
        """More than 0, unless `zero` says what 0 means; there is a most, too."""

        def parse(text: str) -> int:
            try:
                given = int(text)
            except ValueError:
                raise Unfit(f"is not a whole number such as {default}") from None
            return _within(name, given, zero)

        return self._read(Setting(name, default, sentence, parse, str(default)))

    def number(self, name: str, default: float, sentence: str, *, zero: str = "") -> float:
        """Neither nan nor infinite, and more than 0 unless `zero` says what 0 means."""

        def parse(text: str) -> float:
            try:
                given = float(text)
            except ValueError:
                given = float("nan")
            if not isfinite(given):
                raise Unfit(f"is not a number such as {default}")
            return _within(name, given, zero)

        return self._read(Setting(name, default, sentence, parse, str(default)))

    def flag(self, name: str, sentence: str, *, default: bool = False) -> bool:
        def parse(text: str) -> bool:
            try:
                return TRUTH[text.strip().lower()]
            except KeyError:
                raise Unfit("must be true or false") from None

        return self._read(Setting(name, default, sentence, parse, str(default).lower()))

    def words(
        self, name: str, sentence: str, *, check: Check = anything, is_secret: bool = False
    ) -> list[str]:
        """Separated by commas; none unless it is set. `check` is for each of them."""

        def parse(text: str) -> list[str]:
            if LIST.match(text.strip()):
                raise Unfit("is a list without quotes and brackets, separated by commas: one,two")
            given = [word.strip() for word in text.split(",") if word.strip()]
            for word in given:
                if complaint := check(word):
                    raise Unfit(complaint, word)
            return given

        return self._read(Setting(name, [], sentence, parse, "", is_secret))

    def text(
        self,
        name: str,
        default: str,
        sentence: str,
        *,
        check: Check = anything,
        documented: str | None = None,
        is_secret: bool = False,
    ) -> str:
        def parse(given: str) -> str:
            if complaint := check(given):
                raise Unfit(complaint)
            return given

        shown = default if documented is None else documented
        return self._read(Setting(name, default, sentence, parse, shown, is_secret))

    def path(
        self,
        name: str,
        default: Path,
        sentence: str,
        *,
        documented: str,
        check: Check = anything,
    ) -> Path:
        """Absolute; what is relative counts from the directory of the process."""

        def parse(text: str) -> Path:
            if complaint := check(text):
                raise Unfit(complaint)
            return Path(text).absolute()

        return self._read(Setting(name, default, sentence, parse, documented))
