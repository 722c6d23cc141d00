"""A text as it reads when each way to write a character is undone, and where its bytes came from.

Undone are the escapes of JSON, JavaScript and HTML, percent-encoding, each also around another, and
the zero bytes of UTF-16 and UTF-32.
"""

import re
from bisect import bisect_right
from itertools import compress

# No escape is the beginning of another: what is whole stays what it is, whatever follows.
ESCAPE = re.compile(
    rb"\\(?:(?:u00|x)([2-7][0-9a-f])|([!-/:-@\[-`{-~]))|%([2-7][0-9a-f])"
    rb"|&(?:#x0{0,4}([2-7][0-9a-f])|#0{0,4}([3-9][0-9]|1[0-2][0-9])|(amp|lt|gt|quot|apos));",
    re.IGNORECASE,
)
BEGUN_ESCAPE = re.compile(
    rb"(?:\\(?:u(?:0(?:0[2-7]?)?)?|x[2-7]?)?|%[2-7]?"
    rb"|&(?:#(?:x0{0,4}(?:[2-7][0-9a-f]?)?|0{0,4}[0-9]{0,3})?|[a-z]{1,4})?)\Z",
    re.IGNORECASE,
)
LONGEST_ESCAPE = 10
NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
# An escape in an escape: JSON in a query in JSON.
MOST_LAYERS = 4
DIRECT, DECIMAL, NAME = 2, 5, 6  # groups of ESCAPE; the others are hexadecimal


class PlainReading:
    """`text`: what `data` reads as."""

    def __init__(self, data: bytes) -> None:
        self.text = data
        self.is_data = not (b"\\" in data or b"%" in data or b"&" in data or b"\0" in data)
        self._places: list[int] | None = None
        self._layers: list[_Layer] = []
        if not self.is_data:
            self._undo()

    def _undo(self) -> None:
        if b"\0" in self.text:
            self._places = list(compress(range(len(self.text)), self.text))
            self.text = self.text.translate(None, b"\0")
        while len(self._layers) < MOST_LAYERS:
            layer = _Layer(self.text)
            if not layer.places:
                break
            self._layers.append(layer)
            self.text = layer.text

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the data a part of the text stands that is not empty."""
        last = end - 1
        first, after = start, end
        for layer in reversed(self._layers):
            first, after = layer.span(first)[0], layer.span(last)[1]
            last = after - 1
        if self._places is None:
            return first, after
        return self._places[first], self._places[after - 1] + 1

    def begun_escapes(self) -> list[int]:
        """Where in the text an escape begins that its end cuts off, and where one that is to end in
        that; the first of them last. The text's length without any.
        """
        ends = [len(self.text)]
        while len(ends) <= MOST_LAYERS:
            end = ends[-1]
            found = BEGUN_ESCAPE.search(self.text[max(0, end - LONGEST_ESCAPE) : end])
            if found is None:
                break
            ends.append(end - len(found[0]))
        return ends


class _Layer:
    """One round of undoing. `places`: where in the result the escapes were."""

    def __init__(self, text: bytes) -> None:
        self.places: list[int] = []
        self._spans: list[tuple[int, int]] = []
        self._saved = 0
        self.text = ESCAPE.sub(self._undone, text)

    def _undone(self, found: re.Match[bytes]) -> bytes:
        start, end = span = found.span()
        self.places.append(start - self._saved)
        self._spans.append(span)
        self._saved += end - start - 1
        group = found.lastindex
        value: bytes = found[group or 0]
        if group == DIRECT:
            return value
        if group == NAME:
            return NAMED[value.lower()]
        return b"%c" % int(value, 10 if group == DECIMAL else 16)

    def span(self, place: int) -> tuple[int, int]:
        """Of the one byte that stands there."""
        index = bisect_right(self.places, place) - 1
        if index < 0:
            return place, place + 1
        begin, end = self._spans[index]
        beyond = place - self.places[index]
        return (begin, end) if beyond == 0 else (end + beyond - 1, end + beyond)
