"""What a body that is too long to be parsed says of models, read in pieces of any length.

A piece is looked at together with the end of the one before it. What is longer than that end (a
name, the white space after one) no client writes: it is taken to name an unknown model.
"""

import json
import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

# The longest match of a pattern below has 3.6 KB.
OVERLAP_BYTES = 4096
# More than a client is ever given by name.
MOST_NAMES = 100

# Each letter may be written as an escape, which a parser reads as the same name. Some parsers take
# MODEL for it, too.
_NAME = rb"(?:m|\\u00[46]d)(?:o|\\u00[46]f)(?:d|\\u00[46]4)(?:e|\\u00[46]5)(?:l|\\u00[46]c)"
_NAMED = re.compile(
    rb'"%b"\s{0,1000}+(?::\s{0,1000}+(?:("(?:[^"\\]|\\.){0,500}+")|(?=["\s]))|(?=\s))' % _NAME,
    re.DOTALL | re.IGNORECASE,
)
# A field, `model` itself apart, by which a model could be chosen: at the end of a member's name,
# whole or escaped.
_CHOOSING = re.compile(
    rb"(?:(?:models|models?[_-]?(?:name|id|list)|fallback|engine|deployment)[\w-]{0,40}"
    rb'|"(?:agent|preset|routers?|routes?)'
    rb'|\\u00[4-7][0-9a-f][^"\\]{0,60})"\s{0,1000}+[:\s]',
    re.IGNORECASE,
)
# Found much faster: one of these is in each of its matches, in lower case.
_CHOOSING_WORDS = (
    b"models", b"model_", b"model-", b"modeln", b"modeli", b"modell", b"fallback", b"engine",
    b"deployment", b'"agent', b'"preset', b'"route', b"\\u00",
)  # fmt: skip
# What JSON is made of. Names without quotes or in single ones, comments and the parts of a form are
# not.
_BEGIN = re.compile(rb"\s*+\{")
_LETTERS = rb'(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+'
_IN_STRING = re.compile(_LETTERS)
_TOKENS = re.compile(rb'(?:"%b"|[\s{}\[\]:,0-9eE.+-]++|true|false|null)*+' % _LETTERS)
_WORDS = (b"true", b"false", b"null")
Result = TypeVar("Result")


@dataclass(slots=True)
class LongJson:
    """`is_plain`: a plain JSON object without a field, beside `model`, that chooses one.

    `names`: each that it names; None stands for what is no name, and for too many.
    """

    is_plain: bool = False
    names: set[str | None] = field(default_factory=set)


def reading(pieces: Iterable[bytes]) -> Generator[None, None, LongJson]:
    """A step a piece, up to what makes it not plain."""
    shape, names = PlainObject(), NamesInText()
    for piece in pieces:
        if not shape.feed(piece):
            return LongJson()
        names.feed(piece)
        yield
    return LongJson(shape.is_whole(), names.end())


def naming(pieces: Iterable[bytes]) -> Generator[None, None, LongJson]:
    """The names only, also those of what is not plain."""
    names = NamesInText()
    for piece in pieces:
        names.feed(piece)
        yield
    return LongJson(names=names.end())


def finished(steps: Generator[None, None, Result]) -> Result:
    """All of them at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class NamesInText:
    """Wherever a text names a model. In strings inside of strings the quotes are escaped."""

    def __init__(self) -> None:
        self._names: set[str | None] = set()
        self._tail = b""

    def feed(self, piece: bytes) -> None:
        text = self._tail + piece
        self._tail = text[self._search(text, max(len(text) - OVERLAP_BYTES, 0)) :]

    def end(self) -> set[str | None]:
        self._search(self._tail, len(self._tail))
        return self._names

    def _search(self, text: bytes, settled: int) -> int:
        """What begins before `settled` is here as a whole. Returns up to where all is found."""
        if b'"' not in text:
            return settled
        for found in _NAMED.finditer(text):
            if found.start() >= settled or len(self._names) > MOST_NAMES:
                break
            settled = max(settled, found.end())
            self._names.add(_text(found[1]))
            if len(self._names) == MOST_NAMES:
                self._names.add(None)
        return settled


class PlainObject:
    def __init__(self) -> None:
        self._tail = self._rest = b""
        self._has_begun = self._is_in_string = False

    def feed(self, piece: bytes) -> bool:
        """Whether it is plain up to here."""
        text = self._tail + piece
        self._tail = text[-OVERLAP_BYTES:]
        return not _may_choose(text) and self._has_shape(self._rest + piece)

    def is_whole(self) -> bool:
        return self._has_begun and not self._is_in_string and not self._rest

    def _has_shape(self, text: bytes) -> bool:
        place = 0
        if not self._has_begun:
            found = _BEGIN.match(text)
            if found is None:
                return not text.strip()
            self._has_begun, place = True, found.end()
        self._rest = text[self._read(text, place) :]
        if self._is_in_string:
            return self._rest in (b"", b"\\")
        return any(word.startswith(self._rest) for word in _WORDS)

    def _read(self, text: bytes, place: int) -> int:
        """Up to what is not whole, or no JSON."""
        while place < len(text):
            pattern = _IN_STRING if self._is_in_string else _TOKENS
            place = pattern.match(text, place).end()  # type: ignore[union-attr]
            if text[place : place + 1] != b'"':
                return place
            self._is_in_string = not self._is_in_string
            place += 1
        return place


def _may_choose(text: bytes) -> bool:
    plain = text.lower()
    return any(word in plain for word in _CHOOSING_WORDS) and _CHOOSING.search(text) is not None


def _text(quoted: bytes | None) -> str | None:
    """None: too long, or no JSON."""
    try:
        return str(json.loads(quoted, strict=False)) if quoted else None
    except ValueError:
        return None
