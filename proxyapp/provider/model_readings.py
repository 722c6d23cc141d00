"""Every model that an upstream could take a request to be for: in its path, query and body.

Whoever writes a request may name several. A client's limits hold for each of them, and a quota is
booked on none.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_plus

from proxyapp.vocabulary.asgi import Header

MOST_PARAMETERS = 1000
_IN_PATH = re.compile(rb"odels/+([^/:?]*)")
_CHOOSING = re.compile(r"model|fallback|engine|deployment|portkey-config", re.IGNORECASE)


def models_of_path(path: bytes) -> list[str]:
    """`path`: without percent-encoding."""
    return [name.decode("utf-8", "replace") for name in _IN_PATH.findall(path) if name]


def has_too_many_parameters(query: bytes) -> bool:
    """To look at each of them: it holds up all other clients."""
    return query.count(b"&") + query.count(b";") > MOST_PARAMETERS


def models_of_query(query: bytes) -> list[str]:
    """Google reads parameters as fields of the request: `model`, `cachedContent.model`."""
    pairs = (part.partition("=") for part in re.split("[&;]", query.decode("latin-1")))
    return [
        unquote_plus(value)
        for name, _, value in pairs
        if re.search(r"(?:^|\.)model$", unquote_plus(name).lower())
    ]


def choices_of_query(query: bytes) -> list[str]:
    """Also by the parameters with which aggregators choose models."""
    pairs = (part.partition("=") for part in re.split("[&;]", query.decode("latin-1")))
    return [unquote_plus(value) for name, _, value in pairs if _CHOOSING.search(unquote_plus(name))]


def choices_of_headers(headers: list[Header]) -> list[str]:
    """What headers say of models. A browser's `sec-ch-ua-model` is its device."""
    found = [
        value.decode("latin-1").strip()
        for name, value in headers
        if _CHOOSING.search(name.decode("latin-1")) and not name.startswith(b"sec-")
    ]
    return found + [model for value in routing_of(headers) for model in choices_of_query(value)]


def routing_of(headers: list[Header]) -> list[bytes]:
    """In the form of a query."""
    return [value for name, value in headers if name.lower() == b"x-goog-request-params"]


def models_at_top(text: bytes) -> list[Any]:
    """Of a JSON object; all of them where it has several.

    None of what other parsers may read otherwise.
    """
    if text.lstrip()[:1] != b"{":
        return []
    try:
        members = json.loads(text, object_pairs_hook=JsonMembers)
    except (ValueError, RecursionError):
        return []
    return [value for name, value in members if name.lower() == "model"]


class JsonMembers(list[tuple[str, Any]]):
    """A JSON object with all of its members, also those that have the same name."""
