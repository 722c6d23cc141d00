"""Every model that a request's body names beside its contents: also the fields by which aggregators
choose another one, such as `models`, `fallbacks`, `route`, or a `model` inside of `extra_body`.

What a client's messages, tools and schemas say of models is content, and names none.
"""

import json
import re
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
# The same in what is too long to be parsed: at the end of a member's name, whole or escaped.
_CHOOSING_IN_TEXT = re.compile(
    rb'(?:models|models?[_-]?(?:name|id|list)|fallback|engine|deployment)[\w-]{0,40}"\s*+:'
    rb'|"(?:agent|preset|routers?|routes?)"\s*+:'
    rb'|\\u00[4-7][0-9a-f][^"\\]{0,60}"\s*+:',
    re.IGNORECASE,
)


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


def may_choose_models(text: bytes) -> bool:
    """Whether a long text has a field, `model` itself apart, by which a model could be chosen."""
    return _CHOOSING_IN_TEXT.search(text) is not None


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


def _objects(value: Any) -> list[JsonMembers]:
    if isinstance(value, JsonMembers):
        return [value]
    if isinstance(value, list):
        return [part for inner in value for part in _objects(inner)]
    return []


def _texts(value: Any) -> list[str]:
    """Numbers and truth values name no model."""
    if isinstance(value, JsonMembers):
        return [text for _, inner in value for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
