"""The environment and `.env`, taken literally: a mistake is a problem that is said, never a value
that nobody meant.
"""

import io
import re
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import environ

ASSIGNMENT = re.compile(r"(?:export )?[A-Za-z_0-9]+=")
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
# More would overflow a date, or a clock of what the gateway stands on.
LARGEST = {
    "DAYS": 36_500,
    "HOURS": 876_000,
    "MINUTES": 525_600,
    "SECONDS": 1_000_000,
    "BYTES": 2**50,
}
LARGEST_COUNT = 1_000_000


class Environment(environ.Env):  # type: ignore[misc]
    """django-environ takes `1e3` for 13, `yep` for false and `$x` for another variable, and skips
    what it can't read.

    An empty variable is one that is not set. `problems` has what is wrong, and the default stands
    in.
    """

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def get_value(self, var: str, cast: Any = None, default: Any = None, **_: Any) -> Any:
        given = self.ENVIRON.get(var, "")
        if not given.strip():
            return default
        read, what = READERS.get(cast, (_as_it_is, ""))
        try:
            value = read(given)
        except (ValueError, LookupError):
            self.problems.append(
                f"{var} must be true or false"
                if cast is bool
                else f"{var}={given!r} is not {what} such as {default}"
            )
            return default
        return self._limited(var, value, default) if cast in (int, float) else value

    def _limited(self, var: str, value: float, default: float) -> float:
        most = LARGEST.get(var.rpartition("_")[2], LARGEST_COUNT)
        if value <= most:
            return value
        self.problems.append(f"{var} must be {most} at most")
        return default

    def read_file(self, path: Path, *, is_named: bool) -> None:
        """The environment wins.

        A file that nobody named may be missing. No line is repeated: it may be a secret.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            if is_named:
                self.problems.append(f"ENV_FILE={str(path)!r} does not exist")
            return
        except OSError as error:
            self.problems.append(f"{path} cannot be read: {error.strerror}")
            return
        except UnicodeDecodeError:
            self.problems.append(f"{path} is not UTF-8 text")
            return
        lines = [line.lstrip() for line in text.splitlines()]
        wrong = [
            number
            for number, line in enumerate(lines, start=1)
            if line and not line.startswith("#") and not ASSIGNMENT.match(line)
        ]
        if wrong:
            self.problems.append(
                f"{path}: line {wrong[0]} is not of the form NAME=value ({len(wrong)} such lines)"
            )
        self.read_env(io.StringIO("\n".join(line for line in lines if ASSIGNMENT.match(line))))


def _as_it_is(text: str) -> str:
    return text


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


def _truth(text: str) -> bool:
    return TRUTH[text.strip().lower()]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    int: (int, "a whole number"),
    float: (_number, "a number"),
    bool: (_truth, ""),
    list: (_words, ""),
}
