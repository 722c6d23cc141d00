"""What can still be read of a body that may be compressed, cut short, or no JSON at all.

Never raises.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from proxyapp.provider.codings import GZIP_MAGIC, decoded, inflated

Object = dict[str, Any]
READ_CHARACTERS = 1 << 18
# Of what is no whole JSON, which is read token by token.
PIECED_CHARACTERS = 1 << 14
DEEPEST = 64
NAME_CHARACTERS = 200

_TOKEN = re.compile(
    r'[\s,:]*+(?:([{\[])|([}\]])|("(?:[^"\\]++|\\.)*+")|([^\s,:{}\[\]"]++))', re.DOTALL
)
_UNFINISHED = re.compile(r'[\s:]*+("(?:[^"\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*+)', re.DOTALL)
_KEPT_UNFINISHED = ("message", "error", "detail")


def plain(body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> str:
    """Inflated if it is compressed: what the headers say may no longer be true of a body that was
    already decoded.
    """
    encoding = b"".join(
        value.lower() for name, value in headers if name.lower() == b"content-encoding"
    )
    if body.startswith(GZIP_MAGIC):
        body = inflated(body, b"gzip") or b""
    elif b"deflate" in encoding:
        body = decoded(body, b"deflate")
    return body[:READ_CHARACTERS].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")


def parsed_json(text: str) -> object:
    """None for what is no JSON."""
    if not text.startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _pieced(text[:PIECED_CHARACTERS])


def objects_in(value: object) -> Iterator[Object]:
    """Those of a list, or the one that stands in its place."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def clean(value: object, most: int = NAME_CHARACTERS) -> str:
    """Empty for what is no text.

    PostgreSQL takes no NUL, and UTF-8 no lone surrogate, which JSON can hold.
    """
    if not isinstance(value, str):
        return ""
    text = value[:most].replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _pieced(text: str) -> object:
    """What can be read of JSON that ends too early: every container is closed, and a scalar that
    was cut is dropped.

    A message that was cut is kept. Commas and colons do not count, nor what comes too deep or after
    the end.
    """
    root: list[Any] = []
    stack: list[Any] = [root]
    key: str | None = None
    position = 0
    while token := _TOKEN.match(text, position):
        opened, closed, string, scalar = token.groups()
        if scalar and token.end() == len(text):
            break
        position, here = token.end(), stack[-1]
        if closed:
            stack.pop()
        elif isinstance(here, dict) and key is None:
            key = str(_scalar(string or '""'))
            continue
        else:
            value = {} if opened == "{" else [] if opened else _scalar(string or scalar)
            _put(here, key, value)
            if opened:
                stack.append(value)
        key = None
        if len(stack) > DEEPEST or (len(stack) == 1 and root) or not stack:
            break
    unfinished = _UNFINISHED.match(text, position) if key in _KEPT_UNFINISHED else None
    if unfinished:
        _put(stack[-1], key, _scalar(unfinished[1] + '"'))
    return root[0] if root else None


def _put(container: Any, key: str | None, value: object) -> None:
    if isinstance(container, dict):
        container[key] = value
    else:
        container.append(value)


def _scalar(token: str) -> object:
    if token[:1] == '"' and "\\" not in token:
        return token[1:-1]
    try:
        return json.loads(token, strict=False)
    except (ValueError, RecursionError):
        return None
