"""How an upload id of the gateway's own looks: `…?upload_id=gku-…`, in the URL that a client sends
the parts of an upload to.
"""

import re

PARAMETER = b"upload_id"
MARK = b"gku-"
_SHOWN = PARAMETER + b"=" + MARK
_WHOLE = re.compile(rb"(?:^|&)%b([A-Za-z0-9_-]+)(?:&|$)" % _SHOWN)


def shows_upload_id(target: bytes) -> bool:
    """Whether a query, or a target with one, looks like it; that costs others next to nothing."""
    return _SHOWN in target


def upload_id_in(query: bytes) -> bytes:
    """Without its mark; empty where it is not whole."""
    found = _WHOLE.search(query)
    return found[1] if found else b""
