"""Which model a request is for, and so whose quota it uses, without parsing more of its body than
that takes.
"""

import json
import re
from urllib.parse import unquote_to_bytes

LONGEST_NAME = 100
PARSED_BYTES = 1 << 20
# Inside a JSON string the quotes would be escaped, so this finds real keys; `"role": "model"` is
# none.
NAMED = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"')
ENDPOINT = re.compile(rb"/*(?:upload/+)?(?:v\d+[a-z]*\d*/+)?(?:openai/+)?([^/:?]*)")


def model_of(path: bytes, body: bytes) -> str:
    """From the path (`/models/NAME:method`), or a JSON body's `"model": "NAME"`; empty when neither
    tells.

    Of a long body its two ends will do (RequestBody.searchable).
    """
    name = _in_path(path) or _in_body(path, body)
    return _printable(name.removeprefix("models/").lstrip("/")[:LONGEST_NAME])


def quota_scope(path: bytes, model: str) -> str:
    """The model, or else the endpoint, whose slash in front no model has: the two never share a
    quota.
    """
    if model:
        return model
    found = ENDPOINT.match(path)
    endpoint = unquote_to_bytes(found[1]) if found else b""
    return _printable("/" + endpoint.decode("utf-8", "replace"))[:LONGEST_NAME]


def _in_path(path: bytes) -> str:
    """The native API's form, also for tuned models."""
    if b"%" in path:
        path = unquote_to_bytes(path)
    _, found, rest = path.rpartition(b"odels/")
    return rest.partition(b":")[0].partition(b"/")[0].decode("utf-8", "replace") if found else ""


def _in_body(path: bytes, body: bytes) -> str:
    """An upload's body is the client's file, whatever it says."""
    if not (body.startswith(b"{") or body[:16].lstrip().startswith(b"{")) or path.startswith(
        b"/upload/"
    ):
        return ""
    first = NAMED.search(body)
    if first is None:
        return ""
    if len(body) > PARSED_BYTES or NAMED.search(body, first.end()) is None:
        return _text(first[1])
    return _at_top(body, first[1])


def _at_top(body: bytes, first: bytes) -> str:
    """A tool's schema, say, names a model of its own. Two ends of a long body seldom parse: there
    the first counts.

    Not strict, because the line end between two such ends may be inside a string.
    """
    try:
        model = json.loads(body.decode("utf-8", "replace"), strict=False).get("model")
    except (ValueError, RecursionError):
        return _text(first)
    return model if isinstance(model, str) else ""


def _text(escaped: bytes) -> str:
    text = escaped.decode("utf-8", "replace")
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _printable(name: str) -> str:
    """Names are stored and logged: PostgreSQL takes no NUL, UTF-8 no lone surrogate, and a log line
    no line end.
    """
    if name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
