"""One file of another gateway, as text, as a tree of values, as settings or as a database."""

import codecs
import functools
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxyapp.config.contents import ConfigError
from proxyapp.config.plain_yaml import read_yaml
from proxyapp.peers.env_file import is_env, settings_of
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.sizes import too_large

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 30
# Of a table.
MAX_ROWS = 200_000
MAX_TEXT = 4 * 1024 * 1024
MAX_CHARACTERS = 128 * 1024 * 1024
Row = dict[str, Any]
SQLITE = b"SQLite format 3\0"
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# None: none may be read, as for what is sent to the admin.
Environment = Mapping[str, str] | None
BRACKETS = re.compile(r"[\[\]{}]")


@dataclass(frozen=True)
class Source:
    """`path`: of a SQLite file, which is not read whole; else `content` has it all. `url`: of a
    database on a server; there is no content then.

    `seconds`: how long a database may be read.
    """

    name: str
    content: bytes = field(repr=False)
    path: Path | None = None
    url: str = field(default="", repr=False)
    seconds: float = 60.0

    @functools.cached_property
    def read_until(self) -> float:
        """From the first question on."""
        return time.monotonic() + self.seconds

    @property
    def is_sqlite(self) -> bool:
        return self.content.startswith(SQLITE)

    @property
    def is_database(self) -> bool:
        return bool(self.url) or self.is_sqlite

    @functools.cached_property
    def text(self) -> str:
        """Raises ConfigError."""
        content = self.content
        is_utf_16 = content.startswith(MARKS[1:]) or content[:64].count(0) > len(content[:64]) // 3
        encoding = _utf_16(content) if is_utf_16 else "utf-8-sig"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            raise self.wrong(_("is neither UTF-8 nor UTF-16; save it as UTF-8")) from None
        return text.removeprefix("\ufeff").replace("\r\n", "\n")

    @functools.cached_property
    def tree(self) -> object:
        """Of JSON or YAML. Raises ConfigError for what begins as JSON, or is no YAML."""
        text = self.text.strip()
        if text[:1] in ("{", "["):
            return self._json(text)
        tree, problems = read_yaml(text)
        if problems:
            raise ConfigError(f"{self.name}: {problem}" for problem in problems)
        return tree

    @functools.cached_property
    def fields(self) -> dict[object, object]:
        """Of the tree; empty where it is none, or no mapping."""
        try:
            tree = None if self.is_database or self.settings else self.tree
        except ConfigError:
            return {}
        return tree if isinstance(tree, dict) else {}

    def lists(self, name: str, field: str) -> bool:
        """Whether the tree's list of that name has a mapping with such a field."""
        entries = self.fields.get(name)
        return isinstance(entries, list) and any(
            isinstance(entry, dict) and field in entry for entry in entries
        )

    @functools.cached_property
    def settings(self) -> dict[str, str]:
        """Of an `.env`; empty where it is none."""
        return settings_of(self.text) if not self.is_database and is_env(self.text) else {}

    def wrong(self, problem: str) -> ConfigError:
        return ConfigError([f"{self.name}: {problem}"])

    def _json(self, text: str) -> object:
        if _depth(text) > MAX_DEPTH:
            raise self.wrong(_("nested deeper than %(most)s levels") % {"most": MAX_DEPTH})
        try:
            return json.loads(text, object_pairs_hook=self._each_once)
        except json.JSONDecodeError as error:
            text = _("line %(line)s: is no JSON from here on")
            raise self.wrong(text % {"line": error.lineno}) from None
        except (ValueError, RecursionError):
            raise self.wrong(_("is no JSON that can be read")) from None

    def _each_once(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(fields := dict(pairs)) < len(pairs):
            raise self.wrong(_("an object has a field twice"))
        return fields


def read_source(path: Path) -> Source:
    """Raises ConfigError."""
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE))
            rest = b"" if head == SQLITE else file.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError([f"{path}: " + _("cannot be read: %(why)s") % {"why": reason}]) from error
    if len(rest) >= MAX_BYTES:
        size = too_large(path.stat().st_size, MAX_BYTES)
        raise ConfigError([f"{path}: " + _("the file %(problem)s") % {"problem": size}])
    return Source(path.name, head + rest, path)


def _utf_16(content: bytes) -> str:
    if content.startswith(MARKS[1:]):
        return "utf-16"
    return "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"


def _depth(text: str) -> int:
    """At least as deep as it is; brackets within texts count too."""
    depth = deepest = 0
    for bracket in BRACKETS.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
