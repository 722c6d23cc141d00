"""Whether a client that is limited to some models may make a request.

The model that a quota is counted for may be a guess; here every model that an upstream could take
the request to be for must be allowed, and its path must be one of which that is known.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from proxyapp.access.allowed_models import is_allowed
from proxyapp.forwarding.form_body import form_of
from proxyapp.forwarding.request_body import SHORT_BYTES, RequestBody
from proxyapp.provider.json_outline import UnreadableBody
from proxyapp.provider.long_json import MOST_NAMES, finished, reading
from proxyapp.provider.model_fields import models_of_fields
from proxyapp.provider.model_name import normal_name
from proxyapp.provider.model_paths import ModelPlace, model_place
from proxyapp.provider.model_readings import (
    MOST_PARAMETERS,
    choices_of_headers,
    choices_of_query,
    has_too_many_parameters,
    models_of_query,
    routing_of,
)
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.decoding import wholly_decoded
from proxyapp.vocabulary.errors import NotAllowed

_ASKING_TOOLS = re.compile(rb"/(?:responses|interactions)/?$")
LIMITED = "This client token is limited to some models"
REMEDY = (
    "The operator can give it a token without a limit of models for that (admin: Client tokens)."
)
NO_PLACE = f"{LIMITED}, and this path is none of those that name one. {REMEDY}"


def check_model(
    allowed: re.Pattern[str],
    method: str,
    path: bytes,
    body: RequestBody,
    query: bytes | None = None,
    headers: list[Header] | None = None,
    stands_for: Callable[[str], Sequence[str]] | None = None,
) -> None:
    """Raises NotAllowed. `stands_for`: the models that a name is an alias of."""
    plain = _decoded(path)
    place = model_place(method.upper(), plain)
    if place is None:
        raise NotAllowed(NO_PLACE)
    named: list[Any] = [place.name] if place.name else []
    if body.length and not place.is_file:
        named += _models_of_body(plain, place, body, headers or [])
    if not named and place.is_in_body:
        raise NotAllowed(f"{LIMITED}, and the request does not say which it is for.")
    asked = query or b""
    said = headers or []
    if has_too_many_parameters(asked) or has_too_many_parameters(b"&".join(routing_of(said))):
        raise NotAllowed(f"{LIMITED}: more than {MOST_PARAMETERS} parameters are not looked at.")
    named += models_of_query(asked) + choices_of_query(asked) + choices_of_headers(said)
    names = dict.fromkeys(map(_named, named))
    if len(names) > MOST_NAMES:
        raise NotAllowed(f"{LIMITED}, and the request names more than {MOST_NAMES}.")
    for name in names:
        if not is_allowed(allowed, name) and not _is_alias(allowed, name, named, stands_for):
            error = NotAllowed(
                f"This client token may not use the model {name[:100]!r}. The operator can add it"
                " to the token's models (admin: Client tokens)."
            )
            error.asked = normal_name(name)
            raise error


def check_same_place(method: str, checked: bytes, other: bytes) -> None:
    """Whether what is known of a checked path is true of another form of it, too.

    Raises NotAllowed.
    """
    places = {model_place(method.upper(), _decoded(path)) for path in (checked, other)}
    if len(places) > 1:
        raise NotAllowed(NO_PLACE)


def _decoded(path: bytes) -> bytes:
    """To some upstreams a backslash is a slash. What is encoded too often matches no model."""
    return (wholly_decoded(path) or path).replace(b"\\", b"/")


def _models_of_body(
    path: bytes, place: ModelPlace, body: RequestBody, headers: list[Header]
) -> list[Any]:
    if (form := form_of(body, headers)) is not None and form.is_plain:
        return [*form.names]
    if _is_form(headers) and not place.name:
        raise NotAllowed(
            f"{LIMITED}: it must be named in JSON, or in a form (multipart/form-data) by one field"
            f" `model` that no parser can read otherwise. {REMEDY}"
        )
    do_tools_ask = _ASKING_TOOLS.search(path) is not None
    try:
        if body.length is not None and body.length > SHORT_BYTES:
            return _models_of_long_body(body, do_tools_ask=do_tools_ask)
        return models_of_fields(body.whole()[:], do_tools_ask=do_tools_ask)
    except UnreadableBody:
        raise NotAllowed(f"{LIMITED}: the body must be a plain JSON object.") from None


def _models_of_long_body(body: RequestBody, *, do_tools_ask: bool) -> list[Any]:
    """As a rule it was read before (long_bodies). Raises UnreadableBody."""
    said = body.said or finished(reading(body.whole()))
    if not said.is_plain:
        raise UnreadableBody
    return [*said.names, *(said.of_tools if do_tools_ask else ())]


def _is_form(headers: list[Header]) -> bool:
    """Its fields name a model elsewhere than the JSON that the same bytes may be.

    Curl says so of any body.
    """
    return any(name == b"content-type" and b"form" in value.lower() for name, value in headers)


def _named(value: object) -> str:
    """What is no text, which an upstream may read as it likes, is no allowed name."""
    return value.removeprefix("models/").lstrip("/") if isinstance(value, str) else "?"


def _is_alias(
    allowed: re.Pattern[str],
    name: str,
    named: list[Any],
    stands_for: Callable[[str], Sequence[str]] | None,
) -> bool:
    """Of a model that is allowed, and given once: only there the model's name is sent instead."""
    if stands_for is None or len(named) != 1 or _named(named[0]) != name:
        return False
    return any(is_allowed(allowed, model) for model in stands_for(name))
