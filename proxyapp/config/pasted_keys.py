"""Keys in any text that an operator pastes: JSON, YAML (the config file's too), CSV with a header,
.env lines, prose.

Pure. No result but a key itself has its secret: what is refused is named by its line and its masked
form.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from proxyapp.config.key_places import (
    COMMENT,
    KEY_COLUMNS,
    NAME_OF_SECRET,
    parts_of,
    values_in_tree,
)
from proxyapp.config.key_shape import OF_PROVIDER, TOKEN, doubt, words_like_keys
from proxyapp.vocabulary.checks import MAX_NAME_LENGTH, check_key, check_label
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.no_keys import ASSIGNMENT as ASSIGNED
from proxyapp.vocabulary.no_keys import PRIVATE_KEY, STAND_INS, why_no_key

NO_KEY = gettext_noop("has no key in it")
SERVICE_ACCOUNT = gettext_noop(
    "is a service account; give the whole file's text as the key of one new key (Keys, Add key), or"
    " name the file in config.yaml: {service_account: file.json}"
)
# No other file with a private key has it.
OF_ACCOUNT = re.compile(r"""\bclient_email["']?\s*:""")

NAME_COLUMNS = ("name", "label", "title")
PROJECT_COLUMNS = ("project", "project_id")

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?[\"']?([A-Za-z_][A-Za-z0-9_.-]*)[\"']?\s*[=:]\s*(.*)")
PRIVATE_KEY_BLOCK = re.compile(r"-----BEGIN [^\n]*?-----.*?(?:-----END [^\n]*?-----|\Z)", re.DOTALL)
ACCOUNT_BLOCK = re.compile(r"""\{[^{}]*\bclient_email["']?\s*:[^{}]*\}""")
BLOCKS = {ACCOUNT_BLOCK: SERVICE_ACCOUNT, PRIVATE_KEY_BLOCK: PRIVATE_KEY}
LIST_MARK = re.compile(r"\s*(?:[-*•]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """`line`: 0 when it is not known.

    `doubt`: why the operator is asked whether it is one; empty for a good one.
    """

    secret: str = field(repr=False)
    line: int
    name: str = ""
    project: str = ""
    doubt: str = ""

    @property
    def masked(self) -> str:
        return masked_key(self.secret)


@dataclass(frozen=True, slots=True)
class Reject:
    """What is no key. `shown` is masked."""

    line: int
    shown: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """`keys` has each key once, in the order of the text; `repeats` is where they are given
    again.
    """

    keys: list[FoundKey] = field(default_factory=list)
    repeats: list[FoundKey] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def find_keys(text: str, target_url: str = "") -> Found:
    """Reads the text as what it looks like: JSON or YAML, CSV with a header, or else line by
    line.

    `target_url`: of the group that the keys are for; empty: not known.
    """
    text = text.removeprefix("\ufeff")
    for read in (_structured, _table):
        found = read(text)
        if found:
            return _sorted_out(_with_advice(found, text), target_url)
    return _sorted_out(_with_advice(_lines(text), text), target_url)


Piece = FoundKey | Reject


def _with_advice(pieces: Iterable[Piece], text: str) -> Iterator[Piece]:
    """What to do with a service account, of which the private key was found."""
    is_account = OF_ACCOUNT.search(text) is not None
    for piece in pieces:
        if is_account and isinstance(piece, Reject) and piece.reason == PRIVATE_KEY:
            piece = replace(piece, reason=SERVICE_ACCOUNT)
        yield piece


def _sorted_out(pieces: Iterable[Piece], target_url: str) -> Found:
    found = Found()
    seen: set[str] = set()
    for piece in pieces:
        if isinstance(piece, Reject):
            found.rejects.append(piece)
        elif piece.secret in seen:
            found.repeats.append(piece)
        else:
            seen.add(piece.secret)
            found.keys.append(replace(piece, doubt=doubt(piece.secret, target_url)))
    return found


# JSON and YAML.


def _structured(text: str) -> list[Piece]:
    """Nothing when it is neither, or has no place for keys."""
    places = _places(text)
    return [
        _piece(value, places.get(value.strip(), 0), labels)
        for value, labels in values_in_tree(text)
    ]


def _places(text: str) -> dict[str, int]:
    """The first line of each word, so that what a parser found can be told by its line."""
    places: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for word in TOKEN.finditer(line):
            places.setdefault(word[0], number)
    return places


# CSV.


def _table(text: str) -> list[Piece]:
    """Nothing when the first line is no header with a column of keys."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip()), 0)
    header = lines[start] if lines else ""
    delimiter = max(",;\t", key=header.count)
    columns = [
        column.strip().strip("\"'").lower().replace(" ", "_") for column in header.split(delimiter)
    ]
    if not set(columns) & set(KEY_COLUMNS):
        return []
    reader = csv.reader(lines[start + 1 :], delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [(start + 1 + reader.line_num, row) for row in reader]
    except csv.Error:
        return []
    return [
        _cell(line, dict(zip(columns, row, strict=False)))
        for line, row in rows
        if any(map(str.strip, row))
    ]


def _cell(line: int, fields: Mapping[object, object]) -> Piece:
    return _piece(_first(fields, KEY_COLUMNS), line, fields)


# Anything else.


def _lines(text: str) -> Iterator[Piece]:
    for pattern, reason in BLOCKS.items():
        for block in pattern.finditer(text):
            yield Reject(text.count("\n", 0, block.start()) + 1, "", reason)
        text = pattern.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), start=1):
        content = LIST_MARK.sub("", line, count=1) if LIST_MARK.match(line) else line
        if content.strip() and not COMMENT.match(content):
            yield from _line(content.strip(), number)


def _line(line: str, number: int) -> list[Piece]:
    assignment = ASSIGNMENT.fullmatch(line)
    if assignment and NAME_OF_SECRET.fullmatch(assignment[1]) and "://" not in line:
        words = parts_of(re.sub(r"\s#.*", "", assignment[2]).strip("\"' \t"))
        return [_piece(word.strip("\"'"), number) for word in words if word.strip("\"'")] or [
            _empty(number)
        ]
    if not OF_PROVIDER.search(line) and (reason := why_no_key(line.strip("\"'"))) in STAND_INS:
        return [Reject(number, masked_key(line), reason)]
    keys: list[Piece] = [_piece(word, number) for word in words_like_keys(line)]
    return keys or [_piece_of_words(line, number)]


def _piece_of_words(line: str, number: int) -> Piece:
    """A line with nothing that looks like a key.

    One word alone is judged as if it stood where keys do.
    """
    word = line.strip("\"',;")
    is_word = TOKEN.fullmatch(word) or (
        not re.search(r"\s", word) and check_key(word) not in (None, ASSIGNED)
    )
    return _piece(word, number) if is_word else Reject(number, masked_key(line), NO_KEY)


# Of all.


def _piece(value: str, line: int, labels: Mapping[object, object] | None = None) -> Piece:
    """What stands in the place of a key: one, or the reason why it is none."""
    secret = value.strip()
    if not secret:
        return _empty(line)
    if problem := check_key(secret):
        return Reject(line, masked_key(secret), problem)
    name, project = (_label(labels or {}, columns) for columns in (NAME_COLUMNS, PROJECT_COLUMNS))
    return FoundKey(secret, line, name, project)


def _empty(line: int) -> Reject:
    return Reject(line, "", NO_KEY)


def _label(labels: Mapping[object, object], columns: Iterable[str]) -> str:
    text = " ".join(_first(labels, columns).split())[:MAX_NAME_LENGTH]
    return "" if check_label(text) else text


def _first(fields: Mapping[object, object], columns: Iterable[str]) -> str:
    """The first of the columns that has a text, whatever their case."""
    texts = {str(name).lower(): value for name, value in fields.items() if isinstance(value, str)}
    return next((texts[column] for column in columns if texts.get(column, "").strip()), "")
