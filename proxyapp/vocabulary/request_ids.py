"""What a request is called: by its client, or by a UUID of version 7 (RFC 9562, section 5.7).

A client's word goes into logs, pages and tables: it is taken as it is only where it can do no harm
there.
"""

import random
import re
import time
from collections.abc import Sequence

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.log_masking import has_secret

HEADER = b"x-request-id"
LONGEST = 128
_GOOD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@~|-]{0,127}")
# Numbers of more than 62 bits would cost compiled code ten times as much.
_LAYOUT = "%08x-%04x-%04x-%04x-%012x"


def request_id_of(headers: Sequence[Header]) -> str:
    """The client's, if it is well-formed, alone and no secret; else a new one."""
    found = header_of(headers, HEADER)
    if found and _GOOD.fullmatch(found) is not None:
        own = found.decode("ascii")
        return new_request_id() if has_secret(own) else own
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
    milliseconds = int(time.time() * 1000.0)
    return _LAYOUT % (
        milliseconds >> 16,
        milliseconds & 0xFFFF,
        0x7000 | random.getrandbits(12),
        0x8000 | random.getrandbits(14),
        random.getrandbits(48),
    )
