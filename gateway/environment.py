"""The environment and `.env`, taken literally: a mistake is a problem that is said, never a value
that nobody meant.
"""

import io
import re
from pathlib import Path

import environ

ASSIGNMENT = re.compile(r"(?:export )?[A-Za-z_0-9]+=")


class Environment:
    """`problems` has what is wrong, in words for whoever starts the gateway."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        """None: not set, or empty."""
        given: str = environ.Env.ENVIRON.get(name, "")
        return given if given.strip() else None

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
        assignments = "\n".join(line for line in lines if ASSIGNMENT.match(line))
        environ.Env.read_env(io.StringIO(assignments))
