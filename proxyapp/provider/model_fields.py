"""Every model that a request's body names beside its contents: also the fields by which aggregators
choose another one, such as `models`, `fallbacks`, `route`, or a `model` inside of `extra_body`.

What a client's messages, tools and schemas say of models is content, and names none.
"""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from proxyapp.provider.json_outline import UnreadableBody
from proxyapp.provider.model_readings import JsonMembers

Whole = Callable[[str], str | None]

_SCHEMAS = {"responseformat", "responseschema", "responsejsonschema", "schema", "jsonschema"}
_TEXTS = {"content", "system", "systeminstruction", "instructions", "text"}
_OBJECTS = _SCHEMAS | _TEXTS | {"metadata", "labels", "functions", "safetysettings"}
# An object there is no list of messages: it may be a request of its own.
_MESSAGES = {"contents", "messages", "input", "inputs", "prompt", "instances", "documents"}
_LISTS = _MESSAGES | {"query", "history"}
_CHOOSING = re.compile(r"model|fallback|engine|deployment|^(?:agent|preset|routers?|routes?)$")
_SEPARATORS = re.compile(r"[\W_]+")
# A body has a few names many times. Long ones are not worth the memory.
_KNOWN_NAMES, _LONGEST_KNOWN = 1024, 64


class _Field(Enum):
    MODEL = auto()
    CHOICE = auto()
    CONTENT = auto()
    CONTENT_IF_LIST = auto()
    TOOLS = auto()
    OTHER = auto()


@dataclass(slots=True)
class FieldModels:
    """`models`: what is no text is none that a model could have. `of_tools`: of tools that name the
    model that they ask.
    """

    models: list[Any] = field(default_factory=list)
    of_tools: list[Any] = field(default_factory=list)


def models_of_fields(text: bytes, *, do_tools_ask: bool = False) -> list[Any]:
    """Raises UnreadableBody."""
    found = FieldModels()
    try:
        members = json.loads(text.decode(), object_pairs_hook=JsonMembers)
        if isinstance(members, JsonMembers):
            collect(members, found)
            return found.models + (found.of_tools if do_tools_ask else [])
    except (ValueError, RecursionError):
        pass
    raise UnreadableBody


def collect(members: JsonMembers, found: FieldModels, whole: Whole = str) -> None:
    """`whole`: the name for which one stands, None where nobody knows it. Raises RecursionError."""
    for name, value in members:
        full = whole(name)
        if full is None:
            found.models.append(None)
            continue
        meaning = _known_field(full) if len(full) <= _LONGEST_KNOWN else _field(full)
        if meaning is _Field.MODEL:
            found.models.append(value)
        elif meaning is _Field.CHOICE:
            found.models += _texts(value)
        elif meaning is _Field.OTHER or (
            meaning is _Field.CONTENT_IF_LIST and isinstance(value, JsonMembers)
        ):
            for part in _objects(value):
                collect(part, found, whole)
        elif meaning is _Field.TOOLS and isinstance(value, list):
            tools = (tool for tool in value if isinstance(tool, JsonMembers))
            found.of_tools += [
                named for tool in tools for key, named in tool if key.lower() == "model"
            ]


def _field(name: str) -> _Field:
    word = _SEPARATORS.sub("", name).lower()
    if word == "model":
        return _Field.MODEL
    if _CHOOSING.search(word):
        return _Field.CHOICE
    if word == "tools":
        return _Field.TOOLS
    if word in _OBJECTS:
        return _Field.CONTENT
    return _Field.CONTENT_IF_LIST if word in _LISTS else _Field.OTHER


def chooses_model(name: str) -> bool:
    """Whether a field of that name says which model is asked, or which others."""
    return _field(name) in (_Field.MODEL, _Field.CHOICE)


_known_field = functools.lru_cache(_KNOWN_NAMES)(_field)


def _objects(value: Any) -> list[JsonMembers]:
    """Also those in lists inside of lists."""
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, JsonMembers):
            found.append(part)
        elif isinstance(part, list):
            waiting += [inner for inner in reversed(part) if isinstance(inner, list)]
    return found


def _texts(value: Any) -> list[str]:
    """Numbers and truth values name no model."""
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, JsonMembers):
            waiting += [inner for _, inner in reversed(part)]
        elif isinstance(part, list):
            waiting += reversed(part)
        elif isinstance(part, str):
            found.append(part)
    return found
