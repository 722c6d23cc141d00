"""Puts another model's name into a request, where it names one by an alias or a fallback is asked.

All other bytes stay as they are. What comes out is read again: it names the other model exactly
where the request named the first, or it is not sent.
"""

import json
import re
from collections.abc import Generator, Sequence
from urllib.parse import quote, unquote

from proxyapp.forwarding.form_body import form_of
from proxyapp.forwarding.long_bodies import in_turns, is_long, read_whole
from proxyapp.forwarding.patched_file import Patch, PatchedFile, PatchedText
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.provider.live_messages import setup_of
from proxyapp.provider.long_json import LongJson, finished
from proxyapp.provider.model_name import NAMED, name_in_path, normal_name
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import BadRequest
from proxyapp.vocabulary.sliced import Sliced

_IN_PATH = re.compile(rb"odels(?:/|%2[fF])((?:(?!%3[aA]|%2[fF])[^/:])*)")
# Of a long body so much is searched at once; a name that is cut is found by the next piece.
PIECE_BYTES = 256 * 1024
OVERLAP_BYTES = 1024
# Clients name the model first or last; what is named oftener stands in tools and messages.
MOST_AT_AN_END = 4
MOST_PLACES = 1000


def path_naming(path: bytes, asked: str, model: str) -> bytes:
    """Raises BadRequest."""
    places = list(_IN_PATH.finditer(path))
    for place in reversed(places):
        if normal_name(unquote(place[1].decode("latin-1"))) == asked:
            name = quote(model, safe="/:@+~").encode()
            named = path[: place.start(1)] + name + path[place.end(1) :]
            if normal_name(name_in_path(named)) == model:
                return named
    raise _unclear(asked, model, "its path does not name one model plainly")


async def body_naming(
    body: RequestBody, headers: list[Header], asked: str, model: str, *, is_named_in_path: bool
) -> RequestBody:
    """Raises BadRequest. Beside a path that names the model a body need not."""
    if not body.length:
        return body
    if form_of(body, headers) is not None:
        if is_named_in_path:
            return body
        raise _unclear(asked, model, "it is a form (multipart/form-data)")
    said = body.said or await read_whole(body)
    if is_named_in_path:
        if not said.is_plain or asked not in _names(said):
            return body
        every = await _places(body, asked)
        return await _renamed(body, every, asked, model) or body
    if not said.is_plain or _read_as(body, said) != asked:
        raise _unclear(asked, model, "its body does not name one model in plain JSON")
    places = await _places(body, asked)
    for place in dict.fromkeys([*places[:MOST_AT_AN_END], *places[: -MOST_AT_AN_END - 1 : -1]]):
        new = await _renamed(body, [place], asked, model)
        if new is not None and new.said is not None and _read_as(new, new.said) == model:
            return new
    raise _unclear(asked, model, "its body names the model in a way that is not plain")


def _unclear(asked: str, model: str, why: str) -> BadRequest:
    return BadRequest(
        f"{asked!r} stands for the model {model!r} here, and the request cannot be sent for that:"
        f" {why}. Name {model!r} itself."
    )


def _names(said: LongJson) -> set[str]:
    return {normal_name(name) for name in said.names if name is not None}


def _read_as(body: RequestBody, said: LongJson) -> str:
    """The model that it names at its top or, as the first message of a Live session, one below.

    Empty: it names none there, or two.
    """
    if not said.at_top and not body.is_on_disk:
        return setup_of(body.data).model
    return normal_name(said.at_top[0][1] or "") if len(said.at_top) == 1 else ""


async def _places(body: RequestBody, asked: str) -> list[Patch]:
    """Where it is named; what is to stand there instead is not known yet."""
    steps = _searching(body.sliced(), asked)
    return await in_turns(steps) if is_long(body) else finished(steps)


def _searching(text: Sliced, asked: str) -> Generator[None, None, list[Patch]]:
    places: list[Patch] = []
    for start in range(0, len(text), PIECE_BYTES):
        piece = text[start : start + PIECE_BYTES + OVERLAP_BYTES]
        for found in NAMED.finditer(piece) if b'"model"' in piece else ():
            value = _value(found[1])
            if found.start() < PIECE_BYTES and normal_name(value) == asked:
                first = start + found.start(1)
                places.append(Patch(first, first + len(found[1]), value.encode()))
        yield
    return places[:MOST_PLACES]


def _value(inside: bytes) -> str:
    text = inside.decode("utf-8", "replace")
    try:
        return str(json.loads(f'"{text}"')) if "\\" in text else text
    except ValueError:
        return text


async def _renamed(
    body: RequestBody, places: Sequence[Patch], asked: str, model: str
) -> RequestBody | None:
    """None: it says nothing plainly any more, or still the first name."""
    patches = [
        place._replace(new=_written(place.new.decode(), asked, model).encode()) for place in places
    ]
    new = _patched(body, patches)
    new.said = await read_whole(new)
    is_whole = len(places) == 1 or asked not in _names(new.said)
    return new if new.said.is_plain and is_whole else None


def _written(value: str, asked: str, model: str) -> str:
    """As the request has it: `models/…` or the name alone."""
    return value.removesuffix(asked) + model


def _patched(body: RequestBody, patches: list[Patch]) -> RequestBody:
    if body.is_on_disk:
        file = PatchedFile(body.sliced(), patches)
        new = RequestBody(file=file, length=len(file.text))
    else:
        data = PatchedText(body.data, patches)[:]
        new = RequestBody(data, length=len(data))
    new.prompt_llm_tokens, new.least_llm_tokens = body.prompt_llm_tokens, body.least_llm_tokens
    new.input_llm_tokens = body.input_llm_tokens
    new.references = body.references
    return new
