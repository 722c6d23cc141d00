"""Which model a request is for, and so whose quota it uses, without parsing more of its body than
that takes.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from proxyapp.provider.features import SEPARATOR
from proxyapp.provider.model_readings import models_of_path, models_of_query

# No model has it in its name; with it, a made-up one could be taken for another's feature.
INSTEAD_OF_SEPARATOR = "\ufffd"
# Of ASCII, which nothing makes a client write so.
ESCAPED_LETTER = re.compile(rb"\\u00[46][0-9a-fA-F]")
LONGEST_NAME = 100
PARSED_BYTES = 1 << 20
# Inside a JSON string the quotes would be escaped, so this finds real keys; `"role": "model"` is
# none.
NAMED = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"')
ENDPOINT = re.compile(rb"/*(?:upload/+)?(?:v\d+[a-z]*\d*/+)?(?:openai/+)?([^/:?]*)")


def model_of(path: bytes, body: bytes, query: bytes | None = None) -> str:
    """From the path (`/models/NAME:method`), or a JSON body's `"model": "NAME"`; empty when neither
    tells, or when there are two readings.

    Of a long body its two ends will do (RequestBody.searchable).
    """
    return unless_doubted(normal_name(name_in_path(path) or name_in_body(path, body)), query)


def unless_doubted(name: str, query: bytes | None) -> str:
    """The name, or nothing when the query names another."""
    if query is not None and name and (b"odel" in query or b"%" in query):
        return name if all(normal_name(other) == name for other in models_of_query(query)) else ""
    return name


def normal_name(name: str) -> str:
    """As quotas are counted for it, however it was written."""
    return _printable(name.removeprefix("models/").lstrip("/")[:LONGEST_NAME])


def quota_scope(path: bytes, model: str) -> str:
    """The model, or else the endpoint, whose slash in front no model has: the two never share a
    quota.
    """
    if model:
        return _without_separator(model)
    found = ENDPOINT.match(path)
    endpoint = unquote_to_bytes(found[1]) if found else b""
    name = _printable("/" + endpoint.decode("utf-8", "replace"))[:LONGEST_NAME]
    return _without_separator(name)


def _without_separator(name: str) -> str:
    return name.replace(SEPARATOR, INSTEAD_OF_SEPARATOR) if SEPARATOR in name else name


def name_in_path(path: bytes) -> str:
    """The native API's form, also for tuned models."""
    if b"%" in path:
        path = unquote_to_bytes(path)
    before, found, rest = path.rpartition(b"odels/")
    if b"odels/" in before and len({*models_of_path(path)} - {"models"}) > 1:
        return ""
    return rest.partition(b":")[0].partition(b"/")[0].decode("utf-8", "replace") if found else ""


def name_in_body(path: bytes, body: bytes) -> str:
    """An upload's body is the client's file, whatever it says."""
    if not (body.startswith(b"{") or body[:16].lstrip().startswith(b"{")) or path.startswith(
        b"/upload/"
    ):
        return ""
    first = NAMED.search(body)
    is_plain = first is not None and NAMED.search(body, first.end()) is None
    if len(body) <= PARSED_BYTES and ESCAPED_LETTER.search(body) is not None:
        is_plain = False
    elif first is None:
        return ""
    if len(body) > PARSED_BYTES or is_plain:
        return _text(first[1]) if first else ""
    return _at_top(body, first[1] if first else b"")


def _at_top(body: bytes, first: bytes) -> str:
    """A tool's schema, say, names a model of its own. Two ends of a long body seldom parse: there
    the first counts. One that is named twice is named by neither.

    Not strict, because the line end between two such ends may be inside a string.
    """
    try:
        members = json.loads(
            body.decode("utf-8", "replace"), strict=False, object_pairs_hook=list[tuple[str, Any]]
        )
    except (ValueError, RecursionError):
        return _text(first)
    models = [value for name, value in members if name == "model"]
    return models[0] if len(models) == 1 and isinstance(models[0], str) else ""


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
