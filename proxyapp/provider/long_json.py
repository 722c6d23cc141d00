"""What a long body says of models, read in steps that take a millisecond or two at most.

It is what a parser of the whole body finds, or that it is no plain JSON object.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeVar

from proxyapp.provider.json_outline import JsonOutline, UnreadableBody, whole_string
from proxyapp.provider.json_parts import JsonParts
from proxyapp.provider.model_fields import FieldModels, collect
from proxyapp.provider.model_readings import JsonMembers
from proxyapp.vocabulary.sliced import Sliced

# Most of a long body is the inside of long strings, and passed over at once.
PIECE_BYTES = 256 * 1024
# What is not.
STEP_BYTES = 16 * 1024
# More than a client is ever given by name; what is beyond them counts as an unknown one.
MOST_NAMES = 1000
STREAMING = frozenset({"stream", "stream_options"})
Result = TypeVar("Result")


@dataclass(slots=True)
class LongJson:
    """`is_object`: a JSON object. `is_plain`: one that every parser reads alike.

    `names`: each that a field names, in their order, `of_tools` those of tools; None stands for
    what is no text, and for too many. `at_top`: the members at the top that are `model` in some
    letters. `streaming`: what `stream` is there; None stands for another that says how.
    """

    is_object: bool = False
    is_plain: bool = False
    names: dict[str | None, None] = field(default_factory=dict)
    of_tools: dict[str | None, None] = field(default_factory=dict)
    at_top: list[tuple[str, str | None]] = field(default_factory=list)
    streaming: list[object] = field(default_factory=list)


def reading(body: Sliced) -> Generator[None, None, LongJson]:
    """`body`: its bytes, or a file of them."""
    said, outline, parts = LongJson(is_object=True), JsonOutline(), JsonParts()
    try:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            for place in range(0, len(piece), STEP_BYTES):
                if outline.is_in_long_string and outline.skip(piece[place:]):
                    break
                step = piece[place : place + STEP_BYTES]
                if not outline.skip(step):
                    part = parts.feed(outline.feed(step))
                    _note(part, said, body, goes_on=parts.goes_on)
                yield
            yield
        part = parts.end(outline.end())
        _note(part, said, body, goes_on=parts.goes_on)
    except (UnreadableBody, RecursionError):
        return LongJson()
    said.is_plain = outline.is_strict
    return said


def is_streaming(said: LongJson) -> bool:
    """Whether every parser takes it for a request of a stream that says no more about that."""
    return said.is_plain and len(said.streaming) == 1 and said.streaming[0] is True


def finished(steps: Generator[None, None, Result]) -> Result:
    """All of them at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def _note(part: JsonMembers | None, said: LongJson, body: Sliced, *, goes_on: bool) -> None:
    """Raises RecursionError."""
    if part is None:
        return

    def whole(text: str) -> str | None:
        return whole_string(text, body)

    found = FieldModels()
    collect(part, found, whole)
    for names, values in ((said.names, found.models), (said.of_tools, found.of_tools)):
        for value in values:
            is_known = isinstance(value, str) and len(names) < MOST_NAMES
            names[whole(value) if is_known else None] = None
    for name, value in part[goes_on:]:
        if name.lower() in STREAMING and len(said.streaming) < MOST_NAMES:
            said.streaming.append(value if name == "stream" else None)
        if name.lower() == "model" and len(said.at_top) <= MOST_NAMES:
            is_known = isinstance(value, str) and len(said.at_top) < MOST_NAMES
            said.at_top.append((name, whole(value) if is_known else None))
