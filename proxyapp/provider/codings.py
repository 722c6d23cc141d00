"""The content codings that the gateway reads."""

import contextlib
import zlib

# What refusals, errors at the end of streams and token counts can be read in: an upstream is not
# asked for another.
COMPRESSIONS = frozenset({b"gzip", b"x-gzip", b"deflate"})


READ_CODINGS = COMPRESSIONS | {b"identity"}


DECODED_BYTES = 1024 * 1024


def decoded(body: bytes, coding: bytes) -> bytes:
    """Without its Content-Encoding (in lower case) where that is gzip or deflate; at most
    DECODED_BYTES of it.
    """
    if coding not in COMPRESSIONS:
        return body
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(wbits=47).decompress(body, DECODED_BYTES)
    return body
