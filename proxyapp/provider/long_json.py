"""What a body that is too long to be parsed says of models, read in pieces of any length.

A piece is looked at together with the end of the one before it. What is longer than that end (a
name, the white space after one) no client writes: it is taken to name an unknown model. Most of a
long body is the inside of long strings: what jumps over that, and looks at all bytes, is `bytes`'
own methods; regular expressions look at what stands around quotes.
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
# What has one of these first is a schema's property of that name, and no value.
_SCHEMA = rb'\{\s{0,1000}+"(?:type|description|title|enum|anyOf|\$ref)"'
_NAMED = re.compile(
    rb'"%b"\s{0,1000}+(?::\s{0,1000}+(?:("(?:[^"\\]|\\.){0,500}+")|(?!%b))|(?=\s))'
    % (_NAME, _SCHEMA),
    re.DOTALL | re.IGNORECASE,
)
# Fields, `model` itself apart, by which a model could be chosen: the end of a member's name, whole
# or escaped, in lower case. Each begins with what is found much faster.
_END_OF_NAME = rb'"\s{0,1000}+[:\s]'
_CHOOSING = [
    (begin, re.compile(re.escape(begin) + rest + _END_OF_NAME))
    for begin, rest in (
        (b"model", rb'(?:[^"\\]{1,60}+|(?<=[^"]model))'),
        (b"fallback", rb'[^"\\]{0,60}+'),
        (b"engine", rb'[^"\\]{0,60}+'),
        (b"deployment", rb'[^"\\]{0,60}+'),
        (b'"agent', b""),
        (b'"preset', b""),
        (b'"route', rb"(?:rs?|s)?"),
        (b"\\u00", rb'[4-7][0-9a-f][^"\\]{0,60}+'),
    )
]
# Of a string as much is searched: at its end more than a pattern above has before a quote, at its
# start more than the longest value that is taken for a name.
_END_BYTES, _START_BYTES = 80, 1010
# With fewer bytes a quote, looking at each of them is no faster.
_SPARSE_BYTES = 64
# What JSON is made of. Names without quotes or in single ones, comments and the parts of a form are
# not.
_BEGIN = re.compile(rb"\s*+\{")
_MARKS = b' \t\n\r\f\v"{}[]:,0123456789eE.+-'
_BEGUN_WORD = re.compile(rb"(?:t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?)\Z")
# What a part between strings begins with: white space can be as long as the overlap.
_BETWEEN = b" \t\n\r\f\v:"
_NO_CONTROLS = bytes(range(0x20, 0x100))
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
    shape, names = PlainObject(), NamesInText(may_choose=False)
    for piece in pieces:
        if not names.feed(piece) or not shape.feed(piece):
            return LongJson()
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
    """Wherever a text names a model. In strings inside of strings the quotes are escaped.

    `may_choose`: whether it may have other fields that choose one.
    """

    def __init__(self, *, may_choose: bool = True) -> None:
        self._names: set[str | None] = set()
        self._tail = b""
        self._may_choose = may_choose

    def feed(self, piece: bytes) -> bool:
        """False: it has another field that chooses a model."""
        whole = self._tail + piece
        if b'"' not in whole:
            self._tail = whole[-OVERLAP_BYTES:]
            return True
        split = max(len(whole) - OVERLAP_BYTES, 0)
        plain = _around_quotes(whole, 0).lower()
        if not self._may_choose and _has_choice(plain):
            return False
        self._tail = whole[split:]
        if b"model" in plain or b"\\u00" in plain:
            text = _around_quotes(whole[:split], _START_BYTES) + self._tail
            self._tail = text[self._search(text, len(text) - len(self._tail)) :]
        return True

    def end(self) -> set[str | None]:
        self._search(self._tail, len(self._tail))
        return self._names

    def _search(self, text: bytes, settled: int) -> int:
        """What begins before `settled` is here as a whole. Returns up to where all is found."""
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
        self._rest = b""
        self._has_begun = self._is_in_string = False

    def feed(self, piece: bytes) -> bool:
        """Whether it is plain up to here."""
        text = self._rest + piece
        if not self._has_begun:
            found = _BEGIN.match(text)
            if found is None:
                return not text.strip()
            self._has_begun, text = True, text[found.end() :]
        self._rest = b""
        if b"\\" in text:
            text = self._without_escapes(text)
        parts = text.split(b'"')
        inside = parts[not self._is_in_string :: 2]
        outside = parts[self._is_in_string :: 2]
        self._is_in_string ^= len(parts) % 2 == 0
        return self._is_settled(outside) and not b'"'.join(inside).translate(None, _NO_CONTROLS)

    def is_whole(self) -> bool:
        return self._has_begun and not self._is_in_string and not self._rest

    def _without_escapes(self, text: bytes) -> bytes:
        """Without those of quotes and backslashes; the letter of the last may be yet to come."""
        if (len(text) - len(text.rstrip(b"\\"))) % 2:
            text, self._rest = text[:-1], b"\\"
        return text.replace(b"\\\\", b"\\.").replace(b'\\"', b"\\.")

    def _is_settled(self, outside: list[bytes]) -> bool:
        """What stands between strings is JSON; a word at the end may have begun."""
        if not self._is_in_string:
            if self._rest:
                return False
            if found := _BEGUN_WORD.search(outside[-1]):
                self._rest = found[0]
                outside[-1] = outside[-1][: found.start()]
        text = b'"'.join(outside)
        letters = len(text.translate(None, _MARKS))
        words = 3 * text.count(b"true") + 4 * (text.count(b"false") + text.count(b"null"))
        return letters == (words if letters else 0)


def _has_choice(plain: bytes) -> bool:
    return any(begin in plain and pattern.search(plain) for begin, pattern in _CHOOSING)


def _around_quotes(text: bytes, start: int) -> bytes:
    """Without the middle of long strings, in which no pattern finds anything.

    None has a quote that is escaped: to each belongs what is before its quotes.
    """
    plain = text.replace(b'\\"', b"\\.")
    if plain.count(b'"') * _SPARSE_BYTES > len(text):
        return text
    kept, place = [], 0
    for part in plain.split(b'"'):
        end = place + len(part)
        if len(part) > start + _END_BYTES and part[:1] not in _BETWEEN:
            kept.append(text[place : place + start] + b"~" + text[end - _END_BYTES : end])
        else:
            kept.append(text[place:end])
        place = end + 1
    return b'"'.join(kept)


def _text(quoted: bytes | None) -> str | None:
    """None: too long, or no JSON."""
    try:
        return str(json.loads(quoted, strict=False)) if quoted else None
    except ValueError:
        return None
