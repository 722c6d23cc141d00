"""Which resources an answer says that it made, by the fields of the table alone.

What a model wrote stands in other fields, and names nothing.
"""

import json
from collections.abc import Iterator
from typing import Any

from proxyapp.resources.kinds import KINDS, ResourceKind
from proxyapp.resources.names import name_of, resource_path

# As much of an answer is read; of a longer one what stands before.
READ_BYTES = 1 << 20
# A video's operation, the longest, makes a few; `files:register` a hundred at most.
MOST_NAMES = 128
_STREAM_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_OTHER_KINDS = {
    "environment_id": KINDS["environments"],
    "interaction_id": KINDS["interactions"],
    "output_file_id": KINDS["openai/files"],
    "error_file_id": KINDS["openai/files"],
}
_DECODER = json.JSONDecoder(strict=False)


def names_made(path: bytes, answer: bytes) -> tuple[str, ...]:
    """`answer`: decoded JSON, or the first events of a stream, or as much as there is of it.

    Without the resource that the path names, which the request did not make.
    """
    asked = resource_path(path)
    kind = asked.makes or asked.kind
    if kind is None:
        return ()
    found: dict[str, None] = {}
    fields = [each for each in kind.made if not (asked.is_collection and "[]" in each[:8])]
    for members in _objects(answer[:READ_BYTES]):
        for field in fields:
            _note(members, field, kind, found)
    if asked.name is not None:
        found.pop(asked.name, None)
    return tuple(found)[:MOST_NAMES]


def _note(members: dict[str, Any], field: str, kind: ResourceKind, found: dict[str, None]) -> None:
    last = field.rpartition(".")[2]
    is_id = last.endswith("id")
    for value in _values(members, field.split(".")):
        name = name_of(value, _OTHER_KINDS.get(last, kind), is_id=is_id)
        if name is not None:
            found[name] = None


def _values(inner: Any, way: list[str]) -> Iterator[str]:
    if not way:
        if isinstance(inner, str):
            yield inner
        return
    step = way[0].removesuffix("[]")
    value = inner.get(step) if isinstance(inner, dict) else None
    if way[0] == step:
        yield from _values(value, way[1:])
    elif isinstance(value, list):
        for each in value[:MOST_NAMES]:
            yield from _values(each, way[1:])


def _objects(answer: bytes) -> Iterator[dict[str, Any]]:
    """An object by itself, or what events tell of an interaction."""
    start = answer[:64].lstrip()
    if start.startswith(_STREAM_STARTS):
        lines = (line.partition(b":")[2] for line in answer.splitlines() if line[:5] == b"data:")
        for line in lines:
            yield from _of_event(_parsed(line))
    elif start.startswith(b"["):
        events = _parsed(answer)
        for event in events if isinstance(events, list) else ():
            yield from _of_event(event)
    else:
        members = _parsed(answer)
        yield members if isinstance(members, dict) else _first_members(answer)


def _of_event(event: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(event, dict):
        return
    inner = event.get("interaction")
    if isinstance(inner, dict) and str(event.get("event_type")).startswith("interaction."):
        yield inner


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _first_members(answer: bytes) -> dict[str, Any]:
    """Those of an object that is cut off, as far as they are whole."""
    text = answer.decode("utf-8", "replace").lstrip()
    members: dict[str, Any] = {}
    place = 1
    try:
        while text[:1] == "{":
            place = _behind_space(text, place)
            name, place = _DECODER.raw_decode(text, place)
            place = _behind_space(text, place)
            value, place = _DECODER.raw_decode(text, _behind_space(text, place + 1))
            members[str(name)] = value
            place = _behind_space(text, place)
            if text[place : place + 1] != ",":
                break
            place += 1
    except (ValueError, RecursionError):
        pass
    return members


def _behind_space(text: str, place: int) -> int:
    while text[place : place + 1].isspace():
        place += 1
    return place
