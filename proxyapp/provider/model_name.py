"""Which model a request is for, and so whose quota it uses, without parsing more of its body than
that takes.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from proxyapp.provider.features import SEPARATOR
from proxyapp.provider.model_readings import (
    has_too_many_parameters,
    models_of_path,
    models_of_query,
)

# No model has it in its name; with it, a made-up one could be taken for another's feature.
INSTEAD_OF_SEPARATOR = "\ufffd"
# Of ASCII, which nothing makes a client write so.
ESCAPED_LETTER = re.compile(rb"\\u00[46][0-9a-fA-F]")
LONGEST_NAME = 100
PARSED_BYTES = 1 << 20
# Inside a JSON string the quotes would be escaped, so this finds real keys; `"role": "model"` is
# none.
NAMED = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"')
DEPLOYMENT = re.compile(rb"/openai/deployments/([^/:]+)/")
ENDPOINT = re.compile(rb"/*(?:upload/+)?(?:v\d++[a-z]*+\d*+/+)?(?:openai/+)?([^/:?]*)")


def model_of(path: bytes, body: bytes, query: bytes | None = None) -> str:
    """From the path (`/models/NAME:method`), or a JSON body's `"model": "NAME"`; empty when neither
    tells, or when there are two readings.

    Of a long body its two ends will do (RequestBody.searchable).
    """
    return unless_doubted(normal_name(name_in_path(path) or name_in_body(path, body)), query)


def unless_doubted(name: str, query: bytes | None) -> str:
    """The name, or nothing when the query names another."""
    if query is not None and name and (b"odel" in query or b"%" in query):
        if has_too_many_parameters(query):
            return ""
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
    """The native API's form, also for tuned models, and Azure's, which names a deployment."""
    if b"%" in path:
        path = unquote_to_bytes(path)
    before, found, rest = path.rpartition(b"odels/")
    if b"odels/" in before and len({*models_of_path(path)} - {"models"}) > 1:
        return ""
    if not found:
        deployed = DEPLOYMENT.search(path)
        return deployed[1].decode("utf-8", "replace") if deployed else ""
    return rest.partition(b":")[0].partition(b"/")[0].decode("utf-8", "replace")


def is_in_body(path: bytes) -> bool:
    """Whether it is the body's to name one. That of an upload is the client's file."""
    return not path.startswith(b"/upload/") and not name_in_path(path)


def plainly_in_body(body: bytes) -> str | None:
    """None: it may take a parse to tell."""
    if not (body.startswith(b"{") or body[:16].lstrip().startswith(b"{")):
        return ""
    first = NAMED.search(body)
    if len(body) <= PARSED_BYTES and ESCAPED_LETTER.search(body) is not None:
        return None
    if first is None:
        return ""
    is_plain = len(body) > PARSED_BYTES or NAMED.search(body, first.end()) is None
    return _text(first[1]) if is_plain else None


def model_at_top(models: list[Any]) -> str:
    """One that is named twice is named by neither."""
    return models[0] if len(models) == 1 and isinstance(models[0], str) else ""


def first_named(body: bytes) -> str:
    """Of what is no JSON object, wherever that stands."""
    first = NAMED.search(body)
    return _text(first[1]) if first else ""


def name_in_body(path: bytes, body: bytes) -> str:
    """An upload's body is the client's file, whatever it says."""
    if path.startswith(b"/upload/"):
        return ""
    plain = plainly_in_body(body)
    return _parsed(body) if plain is None else plain


def _parsed(body: bytes) -> str:
    """A tool's schema, say, names a model of its own. Two ends of a long body seldom parse.

    Not strict, because the line end between two such ends may be inside a string.
    """
    try:
        members = json.loads(
            body.decode("utf-8", "replace"), strict=False, object_pairs_hook=list[tuple[str, Any]]
        )
    except (ValueError, RecursionError):
        return first_named(body)
    return model_at_top([value for name, value in members if name == "model"])


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
