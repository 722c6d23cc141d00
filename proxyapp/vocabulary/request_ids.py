"""What a request is called: by its client, or by a UUID of version 7 (RFC 9562, section 5.7).

A client's word goes into logs, pages and tables: it is taken as it is only where it can do no harm
there.
"""

import os
import re
import time
from collections.abc import Sequence
from typing import Final

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.log_masking import has_secret

HEADER: Final = b"x-request-id"
LONGEST: Final = 128
_GOOD: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@~|-]{0,127}")
# So many random bytes are drawn at a time; an id takes nine.
_DRAWN_BYTES: Final = 9 * 64
_PAIRS: Final = [f"{number:02x}" for number in range(256)]


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


class RequestIds:
    """Puts them together of what is at hand: to write five numbers as digits takes compiled code
    six times as long. 72 bits are random.
    """

    def __init__(self) -> None:
        self._minute = -1
        self._start = ""
        self.forget()

    def forget(self) -> None:
        """For a process that was forked: its ids shall not be those of the other."""
        self._drawn = ""
        self._place = 0

    def new(self) -> str:
        milliseconds = int(time.time() * 1000.0)
        minute = milliseconds >> 16
        if minute != self._minute:
            self._minute, self._start = minute, f"{minute:08x}"
        place = self._place
        if place >= len(self._drawn):
            self._drawn, place = os.urandom(_DRAWN_BYTES).hex(), 0
        self._place = place + 18
        drawn = self._drawn
        late, early = _PAIRS[(milliseconds >> 8) & 0xFF], _PAIRS[milliseconds & 0xFF]
        first, second = drawn[place : place + 3], drawn[place + 3 : place + 6]
        return f"{self._start}-{late}{early}-7{first}-a{second}-{drawn[place + 6 : place + 18]}"


_IDS: Final = RequestIds()
os.register_at_fork(after_in_child=_IDS.forget)


def new_request_id() -> str:
    """Later ones come behind earlier ones, to the millisecond. They are no secrets."""
    return _IDS.new()
