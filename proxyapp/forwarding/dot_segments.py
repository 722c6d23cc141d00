"""Paths with `.` and `..`: the gateway forwards them as they are, and an upstream may resolve them.

Refused are those that could lead out of a target's prefix, and those that name a model, because
after the `..` it may be another. What an upstream decodes, and what it takes for a slash, is not
known: the worst is assumed.
"""

import re

from proxyapp.vocabulary.decoding import wholly_decoded

_SLASH = rb"(?:[/\\]|%(?:25)*(?:2f|5c))"
_END = rb"(?:[/\\;?#\x00-\x20]|$|%(?:25)*(?:[01][0-9a-f]|20|23|2f|3[bf]|5c))"
_DOT_SEGMENT = re.compile(_SLASH + rb"(?:\.|%(?:25)*2e){1,2}" + _END, re.IGNORECASE)
_UP = re.compile(rb"\.\.(?:[;?#\x00-\x20].*)?", re.DOTALL)
# Some upstreams leave parameters out, and then may see no segment where there was nothing else.
_DOWN = re.compile(rb"(?!\.?(?:[;?#\x00-\x20]|\Z)).", re.DOTALL)


def leads_astray(path: bytes) -> bool:
    if not _DOT_SEGMENT.search(path):
        return False
    plain = wholly_decoded(path)
    return plain is None or b"odels/" in plain.replace(b"\\", b"/") or _climbs_out(path)


def _climbs_out(path: bytes) -> bool:
    """Only plain slashes count for the way down, whatever may be one for the way up."""
    depth = 0
    for segment in path.split(b"/"):
        parts = re.split(rb"[/\\]", wholly_decoded(segment) or b"")
        ups = sum(_UP.fullmatch(part) is not None for part in parts)
        depth += -ups if ups else any(map(_DOWN.match, parts))
        if depth < 0:
            return True
    return False
