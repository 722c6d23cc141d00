"""Every model that a request's body names beside its contents: also the fields by which aggregators
choose another one, such as `models`, `fallbacks`, `route`, or a `model` inside of `extra_body`.

What a client's messages, tools and schemas say of models is content, and names none.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from proxyapp.provider.model_readings import JsonMembers

_SCHEMAS = {"responseformat", "responseschema", "responsejsonschema", "schema", "jsonschema"}
_TEXTS = {"content", "system", "systeminstruction", "instructions", "text"}
_OBJECTS = _SCHEMAS | _TEXTS | {"metadata", "labels", "functions", "tools", "safetysettings"}
# An object there is no list of messages: it may be a request of its own.
_MESSAGES = {"contents", "messages", "input", "inputs", "prompt", "instances", "documents"}
_LISTS = _OBJECTS | _MESSAGES | {"query", "history"}
_CHOOSING = re.compile(r"model|fallback|engine|deployment|^(?:agent|preset|routers?|routes?)$")
_SEPARATORS = re.compile(r"[\W_]+")


class UnreadableBody(ValueError):
    """No JSON object that every parser reads alike."""


def models_of_fields(text: bytes, *, do_tools_ask: bool = False) -> list[Any]:
    """What is no text is none that a model could have. `do_tools_ask`: a tool may name the model
    that it asks. Raises UnreadableBody.
    """
    found: list[Any] = []
    try:
        members = json.loads(text.decode(), object_pairs_hook=JsonMembers)
        if isinstance(members, JsonMembers):
            _collect(members, found, do_tools_ask=do_tools_ask)
            return found
    except (ValueError, RecursionError):
        pass
    raise UnreadableBody


def _collect(members: JsonMembers, found: list[Any], *, do_tools_ask: bool) -> None:
    for name, value in members:
        word = _SEPARATORS.sub("", name).lower()
        if word == "model":
            found.append(value)
        elif _CHOOSING.search(word):
            found += _texts(value)
        elif word == "tools" and do_tools_ask and isinstance(value, list):
            tools = (tool for tool in value if isinstance(tool, JsonMembers))
            found += [named for tool in tools for key, named in tool if key.lower() == "model"]
        elif word not in (_OBJECTS if isinstance(value, JsonMembers) else _LISTS):
            for part in _objects(value):
                _collect(part, found, do_tools_ask=do_tools_ask)


def _objects(value: Any) -> Iterator[JsonMembers]:
    return (part for part in _flat(value) if isinstance(part, JsonMembers))


def _texts(value: Any) -> list[str]:
    """Numbers and truth values name no model."""
    found = []
    waiting = [value]
    while waiting:
        for part in _flat(waiting.pop()):
            if isinstance(part, JsonMembers):
                waiting += [inner for _, inner in part]
            elif isinstance(part, str):
                found.append(part)
    return found


def _flat(value: Any) -> Iterator[Any]:
    """What is in a list, and in those inside of it: each once, however deep it is."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list) and not isinstance(part, JsonMembers):
            waiting += reversed(part)
        else:
            yield part
