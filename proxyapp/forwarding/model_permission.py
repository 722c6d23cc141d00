"""Whether a client that is limited to some models may make a request.

The model that a quota is counted for may be a guess; here every model that an upstream could take
the request to be for must be allowed. A request that names none may only list the models.
"""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from proxyapp.forwarding.request_body import RequestBody
from proxyapp.provider.model_name import PARSED_BYTES
from proxyapp.provider.model_readings import (
    models_at_top,
    models_in_text,
    models_of_path,
    models_of_query,
)
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import NotAllowed

# As in dot_segments: what is encoded oftener is not meant well, and matches no model.
MOST_DECODINGS = 5
_DOTS = re.compile(rb"(?:^|[/\\])\.{1,2}(?=[/\\;]|$)")
_LIST = re.compile(rb"/models/?$")
# What JSON is made of. Names without quotes or in single ones, comments and the parts of a form are
# not.
_OF_JSON = re.compile(
    rb'\s*+\{(?:"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+"|[\s{}\[\]:,0-9eE.+-]++|true|false|null)*+'
)


def check_model(
    allowed: re.Pattern[str],
    method: str,
    path: bytes,
    body: RequestBody,
    query: bytes | None = None,
    headers: list[Header] | None = None,
) -> None:
    """Raises NotAllowed."""
    plain = _decoded(path)
    if _DOTS.search(plain) or b"#" in plain:  # some upstreams cut a fragment off
        raise NotAllowed(
            "This client token is limited to some models: the path must not have dot segments or a"
            " '#'."
        )
    named = models_of_path(plain)
    is_long = (body.length or 0) > PARSED_BYTES
    if (
        not (is_long and named)
        and body.length
        and not path.startswith(b"/upload/")
        and not _is_form(headers or [])
    ):
        named += [
            _named(value)
            for value in (
                _anywhere(body.whole()) if is_long else models_at_top(bytes(body.whole()))
            )
        ]
    if not named and not (method == "GET" and _LIST.search(plain)):
        raise NotAllowed(
            "This client token is limited to some models, and the request does not say which it is"
            " for."
        )
    for name in [*named, *map(_named, models_of_query(query or b""))]:
        if allowed.fullmatch(name) is None:
            raise NotAllowed(f"This client token may not use the model {name[:100]!r}.")


def _decoded(path: bytes) -> bytes:
    """As often as it is encoded; to some upstreams a backslash is a slash."""
    for _ in range(MOST_DECODINGS):
        path, before = unquote_to_bytes(path), path
        if path == before:
            break
    return path.replace(b"\\", b"/")


def _is_form(headers: list[Header]) -> bool:
    """Its fields name a model elsewhere than the JSON that the same bytes may be.

    Curl says so of any body.
    """
    return any(name == b"content-type" and b"form" in value.lower() for name, value in headers)


def _named(value: object) -> str:
    """What is no text, which an upstream may read as it likes, is no allowed name."""
    return value.removeprefix("models/").lstrip("/") if isinstance(value, str) else "?"


def _anywhere(text: bytes) -> list[Any]:
    """In what is too long to be parsed."""
    if _OF_JSON.fullmatch(text) is None:
        return []
    return models_in_text(text)
