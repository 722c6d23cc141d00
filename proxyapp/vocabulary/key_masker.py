"""Masks a key in a text that passes in pieces, however the key is written in it.

Beyond what PlainReading undoes a key is known in base64, wherever it stands in what was encoded.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache

from proxyapp.vocabulary.plain_reading import PlainReading

# Shorter ones are found in texts that hold no key.
SHORTEST_BASE64 = 12
# Characters of a key that a text's end cuts off: what is shown of a key is four, and providers'
# keys begin alike.
TOLD_CHARACTERS = 8
# A key has 512 characters at most, an escape 10 bytes, and those 4 each in UTF-32.
MOST_HELD_BYTES = 20 * 1024
GAP = re.compile(rb"[^\0](\0*)")


class KeyMasker:
    """Give it the pieces, then ask for what is left.

    Of a piece stays back what may be the beginning of the key. All else passes as it is.
    """

    def __init__(self, secret: str, masked: str, *, keeps_length: bool = False) -> None:
        """`keeps_length`: the mask is as long as what it stands for."""
        self._needles = _needles(secret)
        self._masked = masked.encode()
        self._narrow = ascii_mask(masked).encode()
        self._keeps_length = keeps_length
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        data = self._held + piece
        reading = PlainReading(data)
        passed: list[bytes] = []
        done = 0
        for start, end in self._found(data, reading):
            if start >= done:
                passed += (data[done:start], self._mask(data[start:end]))
                done = end
        held = max(done, self._begun(data, reading), len(data) - MOST_HELD_BYTES)
        self._held = data[held:]
        return b"".join((*passed, data[done:held]))

    def finish(self) -> bytes:
        """What was held back. Most of a key that the end cuts off is masked, too."""
        held, self._held = self._held, b""
        is_told = PlainReading(held).begun_escapes()[-1] >= TOLD_CHARACTERS
        return self._mask(held) if is_told else held

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def _found(self, data: bytes, reading: PlainReading) -> list[tuple[int, int]]:
        """In the order of the data, where the key is written so or is read so."""
        spans = [span for needle in self._needles for span in _spans(data, needle)]
        if not reading.is_data:
            for needle in self._needles:
                spans += [reading.span(*span) for span in _spans(reading.text, needle)]
        return sorted(spans)

    def _begun(self, data: bytes, reading: PlainReading) -> int:
        """From where on the data may be the beginning of a key."""
        plain = min(begun(data, len(data), needle) for needle in self._needles)
        if reading.is_data:
            return plain
        ends = reading.begun_escapes()
        first = min(begun(reading.text, end, needle) for needle in self._needles for end in ends)
        if first == len(reading.text):
            return plain
        return min(plain, reading.span(first, first + 1)[0])

    def _mask(self, written: bytes) -> bytes:
        if self._keeps_length:
            return self._narrow[: len(written)].ljust(len(written), b"*")
        gap = GAP.match(written)
        if gap is not None and gap[1]:
            mask = gap[1].join(b"%c" % byte for byte in self._narrow)
            return mask + written[len(written.rstrip(b"\0")) :]
        return self._masked


def ascii_mask(masked: str) -> str:
    """A mask for where only ASCII may stand."""
    return masked.replace("…", "...").replace("•", "*")


def without_key(text: bytes, secret: str, masked: str) -> bytes:
    """A whole text. Of most, such as the headers of an answer, a look says that nothing of the key
    is in them.
    """
    if PlainReading(text).is_data and not any(
        needle[:TOLD_CHARACTERS] in text for needle in _needles(secret)
    ):
        return text
    masker = KeyMasker(secret, masked)
    return masker.feed(text) + masker.finish()


@lru_cache(maxsize=1024)
def _needles(secret: str) -> tuple[bytes, ...]:
    """The key as it reads, and what of its base64 does not depend on what stands around it."""
    plain = secret.encode()
    needles = {plain, PlainReading(plain).text} - {b""}
    for before in range(3):
        encoded = b64encode(bytes(before) + plain)
        first = -(-before * 8 // 6)
        needle = encoded[first : (before + len(plain)) * 8 // 6]
        if len(needle) >= SHORTEST_BASE64:
            needles |= {needle, needle.translate(bytes.maketrans(b"+/", b"-_"))}
    return tuple(sorted(needles, key=len))


def _spans(text: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    at = text.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = text.find(needle, at + len(needle))


def begun(text: bytes, end: int, needle: bytes) -> int:
    """Where the longest beginning of the needle starts that reaches `end`; `end` without one."""
    at = text.find(needle[:1], max(0, end - len(needle) + 1), end)
    while at >= 0:
        if needle.startswith(text[at:end]):
            return at
        at = text.find(needle[:1], at + 1, end)
    return end
