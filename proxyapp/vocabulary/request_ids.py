"""What a request is called: by its client, or by a UUID of version 7 (RFC 9562, section 5.7).

A client's word goes into logs, pages and tables: it is taken as it is only where it can do no harm
there.
"""

import random
import re
import time
from collections.abc import Sequence

from proxyapp.vocabulary.asgi import Header

HEADER = b"x-request-id"
LONGEST = 128
_GOOD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@~|-]{0,127}")
_RANDOM_BITS = 62


def request_id_of(headers: Sequence[Header]) -> str:
    """The client's, if it is well-formed and alone; else a new one."""
    found = header_of(headers, HEADER)
    if found and _GOOD.fullmatch(found) is not None:
        return found.decode("ascii")
    return new_request_id()


def header_of(headers: Sequence[Header], name: bytes) -> bytes:
    """Empty without one, and where there are several. `name`: in lower case, as theirs are."""
    found, length = b"", len(name)
    for key, value in headers:
        if len(key) == length and key == name:
            if found:
                return b""
            found = value
    return found


def new_request_id() -> str:
    """Later ones come behind earlier ones, to the millisecond. They are no secrets."""
    drawn = random.getrandbits(74)
    milliseconds = time.time_ns() // 1_000_000
    first = milliseconds << 16 | 0x7000 | drawn >> _RANDOM_BITS
    second = 0b10 << _RANDOM_BITS | drawn & ((1 << _RANDOM_BITS) - 1)
    one, other = f"{first:016x}", f"{second:016x}"
    return f"{one[:8]}-{one[8:12]}-{one[12:]}-{other[:4]}-{other[4:]}"
