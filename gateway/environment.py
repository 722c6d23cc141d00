"""The environment and `.env`, taken literally: a mistake is a problem that is said, never a value
that nobody meant.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from gateway import dotenv
from gateway.secret_file import SUFFIX, SecretFileError, secret_of


def own_variables() -> Mapping[str, str]:
    """Those of this process, `.env` among them, for texts of the operator's that name any: they are
    no settings.
    """
    return os.environ


class Environment:
    """`problems` has what is wrong, in words for whoever starts the gateway; `file_lines` where in
    `.env` a variable stands that the environment left open.
    """

    def __init__(self, variables: MutableMapping[str, str] | None = None) -> None:
        self.problems: list[str] = []
        self.file_lines: dict[str, str] = {}
        self._variables = os.environ if variables is None else variables

    def text(self, name: str) -> str | None:
        """None: not set, or empty."""
        given = self._variables.get(name, "")
        return given if given.strip() else None

    def secret(self, name: str) -> str | None:
        """As `text`, or what the file has that `name`_FILE names."""
        try:
            return self.text(name) if (found := secret_of(self._variables, name)) is None else found
        except SecretFileError as error:
            self.problems.append(str(error))
            return None

    def place_of(self, name: str) -> str:
        """Where its value stands, with a colon behind it; empty: in the environment."""
        file = self.text(name + SUFFIX) if self.text(name) is None else None
        place = file or self.file_lines.get(name)
        return f"{place}: " if place else ""

    def read_file(self, path: Path, *, is_named: bool) -> None:
        """The environment wins.

        A file that nobody named may be missing. No line is repeated: it may be a secret.
        """
        try:
            text = path.read_text(encoding="utf-8")
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
        self._fill_in(path, text)

    def _fill_in(self, path: Path, text: str) -> None:
        assignments: dict[str, dotenv.Assignment] = {}
        complaints: defaultdict[str, list[int]] = defaultdict(list)
        for found in dotenv.read(text):
            if isinstance(found, dotenv.Complaint):
                complaints[found.text].append(found.line)
            else:
                assignments[found.name] = found
        self.problems += [
            f"{path}: line {lines[0]} {complaint} ({len(lines)} such lines)"
            for complaint, lines in complaints.items()
        ]
        for name, assignment in assignments.items():
            if self.text(name) is None:
                self._variables[name] = assignment.value
                self.file_lines[name] = f"{path}: line {assignment.line}"
