"""Parses a JSON object part by part, so that no step takes long.

A part ends before a comma. It is parsed within the objects and lists that are open there, and so is
taken exactly where the whole text is. What comes of a part is the top of the text, with what the
part adds below.
"""

import json
from collections.abc import Iterable

from proxyapp.provider.json_outline import Piece, UnreadableBody
from proxyapp.provider.model_readings import JsonMembers

PART_BYTES = 16 * 1024
# Long strings are referred to in a few bytes: each part shall have few of them, too.
MOST_FEEDS = 8
# Without a comma between strings only a number can be that long, or what is no JSON.
MOST_WAITING_BYTES = 1 << 20
_CLOSING = {"[": "]", "{": "}"}
# Of what is open and closed again within a part most goes in a few rounds.
_ROUNDS = 8


class JsonParts:
    """`feed` and `end` raise UnreadableBody. `goes_on`: the last part began within the one before.

    Its first member then is that in which it lies.
    """

    def __init__(self) -> None:
        self.goes_on = False
        self._waiting: list[bytes] = []
        self._brackets: list[bytes] = []
        self._size = self._feeds = 0
        self._open: list[str] = []
        self._names: list[str] = []

    def feed(self, piece: Piece) -> JsonMembers | None:
        """None: there is no part yet."""
        before, after, *brackets = piece
        self._size += len(before) + len(after)
        self._feeds += 1
        if not before or (self._size < PART_BYTES and self._feeds < MOST_FEEDS):
            self._waiting += (before, after)
            self._brackets += brackets
            if self._size > MOST_WAITING_BYTES:
                raise UnreadableBody
            return None
        opened = _open_after(self._open, b"".join([*self._brackets, brackets[0]]))
        closing = "".join(_CLOSING[kind] for kind in reversed(opened))
        part = self._parsed(b"".join([*self._waiting, before]), closing)
        self._waiting, self._brackets = [after], brackets[1:]
        self._size, self._feeds = len(after), 0
        self._open, self._names = opened, _last_names(part, len(opened))
        return part

    def end(self, last: bytes) -> JsonMembers:
        return self._parsed(b"".join([*self._waiting, last]), "")

    def _parsed(self, text: bytes, closing: str) -> JsonMembers:
        self.goes_on = bool(self._open)
        whole = self._opening() + text.decode("utf-8", "replace") + closing
        try:
            part = json.loads(whole, strict=False, object_pairs_hook=JsonMembers)
        except (ValueError, RecursionError):
            raise UnreadableBody from None
        if not isinstance(part, JsonMembers):
            raise UnreadableBody
        return part

    def _opening(self) -> str:
        """What a part goes on with is not the first of its object or list."""
        if not self._open:
            return ""
        above = (
            "[" if kind == "[" else f"{{{json.dumps(name)}:"
            for kind, name in zip(self._open[:-1], self._names, strict=True)
        )
        return "".join(above) + ("[0" if self._open[-1] == "[" else '{"":0')


def _open_after(opened: Iterable[str], brackets: bytes) -> list[str]:
    """Wrong pairs are the parser's to find."""
    for _ in range(_ROUNDS):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    now = list(opened)
    for bracket in brackets.decode():
        if bracket in _CLOSING:
            now.append(bracket)
        elif not now:
            raise UnreadableBody
        else:
            now.pop()
    if not now:  # a comma after the end
        raise UnreadableBody
    return now


def _last_names(part: JsonMembers, depth: int) -> list[str]:
    """Of the members in which what is open lies, an empty one for a list."""
    names: list[str] = []
    inner: object = part
    for _ in range(depth - 1):
        if isinstance(inner, JsonMembers):
            name, inner = inner[-1]
            names.append(name)
        elif isinstance(inner, list):
            inner = inner[-1]
            names.append("")
    return names
