"""The content codings that the gateway reads, and the one place that reads them."""

import zlib
from collections.abc import Iterator

# What refusals, errors at the end of streams and token counts can be read in: an upstream is not
# asked for another.
COMPRESSIONS = frozenset({b"gzip", b"x-gzip", b"deflate"})
READ_CODINGS = COMPRESSIONS | {b"identity"}

# Of a body that is read whole. The longest refusal on record has 3 KB: what grows beyond is none.
DECODED_BYTES = 1024 * 1024
PIECE_BYTES = 1024 * 1024  # what inflating holds in memory at once
STEP_BYTES = 256  # garbage costs what its own step would have given, which is 256 KB at most

FORMAT_BYTES = 2  # tell the format of what follows
GZIP_MAGIC = b"\x1f\x8b"
GZIP, ZLIB, RAW = 31, 15, -15  # as zlib's `wbits`
# How text begins. Deflate without zlib's wrapping does not, when it is text that was packed.
TEXT = b'{[<" \t\r\n'


class Inflater:
    """Takes a compressed body in any portions, and gives what it inflates to, as far as it goes.

    It ends where the body does, at garbage, and when more than `most_bytes` have come out, and
    `growth` bytes for each that went in. `is_broken`: it met garbage.
    """

    def __init__(self, coding: bytes, most_bytes: int, growth: int = 0) -> None:
        self.has_ended = self.is_broken = False
        self._coding = coding
        self._left = most_bytes
        self._growth = growth
        self._start = b""
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of PIECE_BYTES at most; take them all."""
        if self.has_ended:
            return
        self._left += self._growth * len(data)
        stream = self._stream
        if stream is None:
            self._start += data
            stream, data = self._opened(), self._start
        while stream is not None and not self.has_ended:
            most = min(PIECE_BYTES, self._left)
            try:
                piece = stream.decompress(data, most)
            except zlib.error:
                self.has_ended = self.is_broken = True
                return
            data = stream.unconsumed_tail
            self._left -= len(piece)
            self.has_ended = stream.eof or self._left <= 0
            if piece:
                yield piece
            if not data and len(piece) < most:
                return

    def _opened(self) -> "zlib._Decompress | None":
        """None while the bytes that tell the format are not here, or when they tell none."""
        if len(self._start) < FORMAT_BYTES:
            return None
        wbits = _format(self._start, self._coding)
        if wbits is None:
            self.has_ended = self.is_broken = True
            return None
        self._stream = zlib.decompressobj(wbits)
        return self._stream


def decoded(body: bytes, coding: bytes) -> bytes:
    """Without its Content-Encoding (in lower case) where that is gzip or deflate; at most
    DECODED_BYTES of it. What was not packed at all stays as it is.
    """
    found = inflated(body, coding) if coding in COMPRESSIONS else None
    return body if found is None else found


def inflated(body: bytes, coding: bytes) -> bytes | None:
    """As far as it goes, DECODED_BYTES at most; None for what begins with garbage."""
    inflater = Inflater(coding, DECODED_BYTES)
    pieces: list[bytes] = []
    for start in range(0, len(body), STEP_BYTES):
        pieces += inflater.feed(body[start : start + STEP_BYTES])
        if inflater.has_ended:
            break
    is_garbage = inflater.is_broken or len(body) < FORMAT_BYTES
    return None if is_garbage and not pieces else b"".join(pieces)


def _format(start: bytes, coding: bytes) -> int | None:
    """What the bytes themselves say counts, because labels are wrong at times; `deflate` is sent
    with zlib's wrapping (RFC 9110 8.4.1.2) and, by old servers, without.
    """
    if start.startswith(GZIP_MAGIC):
        return GZIP
    if start[0] & 0x0F == zlib.DEFLATED and int.from_bytes(start[:2]) % 31 == 0:  # RFC 1950 2.2
        return ZLIB
    return RAW if coding == b"deflate" and start[0] not in TEXT else None
