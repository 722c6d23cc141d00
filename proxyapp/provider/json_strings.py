"""Where a string of a JSON text ends, without a look at each of its bytes."""

BACKSLASH = b"\\"[0]
# So many quotes within a string are looked at one by one; of more, so much text at once.
MOST_QUOTES = 4
PIECE_BYTES = 8 * 1024


def end_of_string(text: bytes, start: int, limit: int, dense_bytes: int = PIECE_BYTES) -> int:
    """Where the quote is that ends it; below zero: minus the place up to which there is none.

    `start`: behind its first quote. `dense_bytes`: how far one of many quotes is read.
    """
    at = start
    for _ in range(MOST_QUOTES):
        quote = text.find(b'"', at, limit)
        if quote < 0:
            return -limit
        if text[quote - 1] != BACKSLASH or _is_even(text[at:quote]):
            return quote
        at = quote + 1
    return _end_among_many(text, at, min(limit, at + dense_bytes))


def _is_even(text: bytes) -> bool:
    """Whether an even number of backslashes stands at its end: none escapes what follows."""
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 0


def _end_among_many(text: bytes, at: int, limit: int) -> int:
    """In pieces that end between two escapes."""
    while at < limit:
        piece = text[at : min(at + PIECE_BYTES, limit)]
        if not _is_even(piece):
            piece = piece[:-1]
        plain = piece.replace(b"\\\\", b"\0\0").replace(b'\\"', b"\0\0")
        quote = plain.find(b'"')
        if quote >= 0:
            return at + quote
        if not piece:
            break
        at += len(piece)
    return -at
