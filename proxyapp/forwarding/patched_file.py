"""A request body on disk of which some bytes are sent as others, without a copy of it."""

from bisect import bisect_right
from typing import NamedTuple

from proxyapp.vocabulary.sliced import Sliced


class Patch(NamedTuple):
    """`new` stands in place of the bytes from `start` to before `end`."""

    start: int
    end: int
    new: bytes


class PatchedText:
    """Like bytes, read by slices. `patches`: in order, none in another."""

    def __init__(self, text: Sliced, patches: list[Patch]) -> None:
        self._text = text
        self._pieces: list[tuple[int, bytes | None]] = []  # of the text from there on, or others
        self._starts: list[int] = []
        self._length = place = 0
        for patch in [*patches, Patch(len(text), len(text), b"")]:
            self._add(patch.start - place, place, None)
            self._add(len(patch.new), 0, patch.new)
            place = patch.end

    def _add(self, length: int, place: int, new: bytes | None) -> None:
        if length:
            self._starts.append(self._length)
            self._pieces.append((place, new))
            self._length += length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice, /) -> bytes:
        start, end, _ = part.indices(self._length)
        found = []
        while start < end:
            index = bisect_right(self._starts, start) - 1
            place, new = self._pieces[index]
            last = self._starts[index + 1] if index + 1 < len(self._starts) else self._length
            offset, length = start - self._starts[index], min(end, last) - start
            source = self._text if new is None else new
            found.append(source[place + offset : place + offset + length])
            start += length
        return b"".join(found)


class PatchedFile:
    """As much of a file as sending it takes. The one on disk is closed by whose it is."""

    def __init__(self, text: Sliced, patches: list[Patch]) -> None:
        self.text = PatchedText(text, patches)
        self._place = 0

    def seek(self, place: int) -> int:
        self._place = place
        return place

    def read(self, size: int) -> bytes:
        chunk = self.text[self._place : self._place + size]
        self._place += len(chunk)
        return chunk

    def close(self) -> None:
        """Nothing is its own."""
