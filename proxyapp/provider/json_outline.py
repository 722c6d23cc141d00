"""What remains of a JSON text without the inside of its long strings, made piece by piece.

A parser takes the outline exactly where it takes the text: a long string is a short one that says
where it was, much white space is little, and all else stays. Of most long bodies that is not much.
What looks at all bytes are `bytes`' own methods.
"""

import codecs
import json
import re
import secrets
from itertools import accumulate
from typing import NamedTuple

from proxyapp.vocabulary.sliced import Sliced

# Shorter ones cost less as they are. `model` with each letter escaped has 30 bytes.
LONG_BYTES = 64
# What is longer names nothing that there is.
LONGEST_NAME_BYTES = 8192
# No client can guess it, so none writes a reference.
_MARK = secrets.token_hex(12)
_CONTROLS = [bytes((code,)) for code in range(0x20)]
# `\\` and `\"` have another form of the same length while strings are told apart. A NUL of the
# text's own is seen before that.
_BACKSLASH, _QUOTE = b"\0b", b"\0q"
_NO_CONTROLS = bytes((0, *range(0x20, 0x100)))
_SPACE = b" \t\n\r"
# Most texts have none of these; then to look for quotes that are escaped will do.
_RARE_ESCAPE = re.compile(rb'\\(?!["nrt/bf]|u[0-9a-fA-F]{4})')
_WRONG_ESCAPE = re.compile(rb"\\(?![nrt/bf]|u[0-9a-fA-F]{4})")
_CUT_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\Z")


_NO_BRACKETS = bytes(code for code in range(0x100) if code not in b"[]{}")


class UnreadableBody(ValueError):
    """No JSON object that every parser reads alike."""


class Piece(NamedTuple):
    """What a piece of the text adds to the outline: up to its last comma between strings, and from
    that on, each with its brackets between strings. Without such a comma the first is empty.
    """

    before: bytes
    after: bytes
    brackets_before: bytes
    brackets_after: bytes


class JsonOutline:
    """`is_strict`: it is UTF-8, and no string has a control character."""

    def __init__(self) -> None:
        self.is_strict = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._place = 0
        self._rest = b""
        self._is_in_long = False
        self._start = 0

    @property
    def is_in_long_string(self) -> bool:
        return self._is_in_long and not self._rest

    def skip(self, piece: bytes) -> bool:
        """Whether all of the piece is inside of a string that is long already."""
        if not self.is_in_long_string or b'"' in piece or b"\\" in piece:
            return False
        self._check_coding(piece)
        self._place += len(piece)
        if self.is_strict and any(control in piece for control in _CONTROLS):
            self.is_strict = False
        return True

    def feed(self, piece: bytes) -> Piece:
        """Raises UnreadableBody."""
        self._check_coding(piece)
        text, escape = self._without_escapes(self._rest + piece)
        parts = text.split(b'"')
        if self._is_in_long:
            parts.insert(0, b"")
        if self.is_strict and text.translate(None, _NO_CONTROLS):
            self.is_strict = not b"".join(parts[1::2]).translate(None, _NO_CONTROLS)
        unfinished = parts.pop() if len(parts) % 2 == 0 else None
        self._shorten(parts)
        self._keep(unfinished, escape, len(text), goes_on=self._is_in_long and len(parts) == 1)
        return _parted(parts)

    def end(self) -> bytes:
        """Of a string without an end, or an escape, as much as no parser takes."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.is_strict = False
        return b'"' if self._is_in_long else self._rest

    def _check_coding(self, piece: bytes) -> None:
        if self.is_strict and not (piece.isascii() and not self._decoder.getstate()[0]):
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                self.is_strict = False

    def _without_escapes(self, text: bytes) -> tuple[bytes, bytes]:
        """And the last one if the rest of it is yet to come."""
        if b"\0" in text:
            self.is_strict = False
            text = text.replace(b"\0", b"\1")
        if b"\\" not in text:
            return text, b""
        if _RARE_ESCAPE.search(text) is None:
            return text.replace(b'\\"', _QUOTE), b""
        kept = len(text) - (len(text) - len(text.rstrip(b"\\"))) % 2
        plain = text[:kept].replace(b"\\\\", _BACKSLASH).replace(b'\\"', _QUOTE)
        if kept == len(text) and (cut := _CUT_ESCAPE.search(plain, kept - 5)):
            kept, plain = cut.start(), plain[: cut.start()]
        if _WRONG_ESCAPE.search(plain):
            raise UnreadableBody
        return plain, text[kept:]

    def _shorten(self, parts: list[bytes]) -> None:
        """Each second part is a string, the first of them one that began before."""
        long = [i for i in range(1, len(parts), 2) if len(parts[i]) > LONG_BYTES]
        if self._is_in_long and len(parts) > 1 and long[:1] != [1]:
            long.insert(0, 1)
        if long:
            ends = list(accumulate(map(len, parts), initial=self._place - self._is_in_long))
            for i in long:
                has_begun = self._is_in_long and i == 1
                start = self._start if has_begun else ends[i] + i
                parts[i] = _reference(start, ends[i + 1] + i)
        for i in range(0, len(parts), 2):
            if len(parts[i]) > LONG_BYTES:
                parts[i] = _narrow(parts[i])

    def _keep(self, unfinished: bytes | None, escape: bytes, length: int, *, goes_on: bool) -> None:
        """What the next piece begins with."""
        end = self._place + length
        self._rest = escape
        self._is_in_long = False
        if unfinished is not None:
            self._is_in_long = goes_on or len(unfinished) > LONG_BYTES
            if not self._is_in_long:
                self._rest = _with_escapes(b'"' + unfinished) + escape
            elif not goes_on:
                self._start = end - len(unfinished)
        self._place = end + len(escape) - len(self._rest)


def whole_string(text: str, body: Sliced) -> str | None:
    """What a string of the outline stands for in the body; None: too long."""
    if not text.startswith(_MARK):
        return text
    start, end = map(int, text[len(_MARK) :].split(":"))
    if end - start > LONGEST_NAME_BYTES:
        return None
    inside = body[start:end].decode("utf-8", "replace")
    return str(json.loads(f'"{inside}"', strict=False))


def _reference(start: int, end: int) -> bytes:
    return f"{_MARK}{start}:{end}".encode()


def _narrow(text: bytes) -> bytes:
    """Where most is white space. `split` takes more for that than a JSON parser."""
    if 2 * len(text.translate(None, _SPACE)) > len(text) or b"\v" in text or b"\f" in text:
        return text
    words = b" ".join(text.split())
    return (b" " if text[:1] in _SPACE else b"") + words + (b" " if text[-1:] in _SPACE else b"")


def _parted(parts: list[bytes]) -> Piece:
    """Each second part is a string."""
    for i in range(len(parts) - (len(parts) % 2 or 2), -1, -2):
        comma = parts[i].rfind(b",")
        if comma >= 0:
            first, rest = [*parts[:i], parts[i][:comma]], [parts[i][comma:], *parts[i + 1 :]]
            return Piece(_joined(first), _joined(rest), _brackets(first), _brackets(rest))
    return Piece(b"", _joined(parts), b"", _brackets(parts))


def _joined(parts: list[bytes]) -> bytes:
    return _with_escapes(b'"'.join(parts))


def _brackets(parts: list[bytes]) -> bytes:
    return b"".join(parts[::2]).translate(None, _NO_BRACKETS)


def _with_escapes(text: bytes) -> bytes:
    return text.replace(_BACKSLASH, b"\\\\").replace(_QUOTE, b'\\"') if b"\0" in text else text
