"""Whether a client that is limited to some models may make a request.

The model that a quota is counted for may be a guess; here every model that an upstream could take the request to be for
must be allowed. A request that names none may only list the models.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from proxyapp.errors import NotAllowed
from proxyapp.modelname import PARSED_BYTES
from proxyapp.requestbody import RequestBody

_IN_PATH = re.compile(rb"odels/([^/:?]*)")
_DOTS = re.compile(rb"(?:^|[/\\])\.{1,2}(?=[/\\;]|$)")
_LIST = re.compile(rb"/models/?$")
# Each letter may be written as an escape, which a parser reads as the same name.
_NAME = rb"(?:m|\\u006[dD])(?:o|\\u006[fF])(?:d|\\u0064)(?:e|\\u0065)(?:l|\\u006[cC])"
_IN_TEXT = re.compile(rb'"%b"\s*+:\s*+("(?:[^"\\]|\\.)*+")' % _NAME, re.DOTALL)


def check_model(allowed: re.Pattern[str], method: str, path: bytes, body: RequestBody) -> None:
    """Raises NotAllowed."""
    plain = unquote_to_bytes(path)
    if _DOTS.search(plain):
        raise NotAllowed("This client token is limited to some models: the path must not have dot segments.")
    named = _models_of_path(plain)
    is_long = (body.length or 0) > PARSED_BYTES
    if not (is_long and named) and body.length and not path.startswith(b"/upload/"):
        named += [_named(value) for value in (_anywhere(body.whole()) if is_long else _at_top(body.whole()))]
    if not named and not (method == "GET" and _LIST.search(plain)):
        raise NotAllowed("This client token is limited to some models, and the request does not say which it is for.")
    for name in named:
        if allowed.fullmatch(name) is None:
            raise NotAllowed(f"This client token may not use the model {name[:100]!r}.")


def _models_of_path(path: bytes) -> list[str]:
    return [name.decode("utf-8", "replace") for name in _IN_PATH.findall(path) if name]


def _named(value: object) -> str:
    """What is no text, which an upstream may read as it likes, is no allowed name."""
    return value.removeprefix("models/").lstrip("/") if isinstance(value, str) else "?"


def _at_top(text: bytes) -> list[Any]:
    """Of a JSON object; all of them where it has several."""
    if text.lstrip()[:1] != b"{":
        return []
    try:
        members = json.loads(text, object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        return _anywhere(text)
    return [value for name, value in members if name == "model"]


def _anywhere(text: bytes) -> list[Any]:
    """In what is too long to be parsed, or does not parse. In strings inside of strings the quotes are escaped."""
    return [_text(quoted) for quoted in _IN_TEXT.findall(text)]


class _Members(list[tuple[str, Any]]):
    """A JSON object with all of its members, also those that have the same name."""


def _text(quoted: bytes) -> Any:
    try:
        return json.loads(quoted, strict=False)
    except ValueError:
        return None
