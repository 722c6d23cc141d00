"""A long body is read as a parser reads it, or refused, wherever it is cut into pieces."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from proxyapp.provider.long_json import LongJson, finished, naming, reading
from proxyapp.provider.model_fields import models_of_fields
from proxyapp.provider.model_readings import models_at_top

NAMES = ("good", "models/good-1", "bad", 'qu"ote', "back\\slash", "é", "x" * 495, "line\nend", "")
NO_NAMES = (5, None, True, ["bad"], {"name": "bad"}, [{"model": "bad"}])
# What chats, tools and embeddings are made of; some texts end like the fields that are refused.
TEXTS = (
    *("hi", "", "a" * 900, "b" * 5000, "é€😀", '{"model": "inside"}', "it said \\", "the models"),
    *("engine ", "\t\n", "\u0000", "back\\", 'quote"', 'ends with "model', "true"),
    "A" * 3000 + '"model": ',
)
FIELDS = ("text", "role", "content", "x", "parts", "modality", "n", "id")
CHOOSING = (
    *("models", "fallbacks", "engine", "deployment_id", "agent", "preset", "route", "Routers"),
    *("context_window_fallbacks", "model_name", "MODEL-ID", "modelList", "target_model"),
    *("a model", "modelUri", "supermodel ", "model x"),
)
BROKEN = (
    *(b'"', b"\\", b"x", b"'model': 'bad'", b"\x01", b"\0", b"nul", b"tru e", b"/*x*/"),
    *(b'"model" bad', b'"a"b"', b"NaN", b"\xff", b'\\"', b"\x0c", b"model: 1"),
)


def value(source: random.Random, depth: int = 0) -> object:
    kind = source.randrange(8 if depth < 4 else 6)
    if kind < 3:
        return source.choice(TEXTS)
    if kind < 6:
        return source.choice((True, False, None, 0, -1.5e30, 12345678901234567890, 1e-7))
    if kind == 6:
        return [value(source, depth + 1) for _ in range(source.randrange(6))]
    return {source.choice(FIELDS): value(source, depth + 1) for _ in range(source.randrange(6))}


def written(source: random.Random, members: list[tuple[str, object]]) -> bytes:
    """With repeated names, escaped or plain, close or wide."""
    apart = source.choice(((",", ":"), (", ", ": "), (" ,\n", " :\t")))
    indent, is_ascii = source.choice((None, None, 2, "\t")), source.random() < 0.5
    parts = []
    for name, member in members:
        text = json.dumps({name: member}, separators=apart, indent=indent, ensure_ascii=is_ascii)
        text = text.strip()[1:-1]
        if name == "model" and source.random() < 0.3:
            text = text.replace('"model"', source.choice(('"mod\\u0065l"', '"MODEL"')), 1)
        parts.append(text)
    return ("{" + ",".join(parts) + "}").encode()


def body(source: random.Random) -> bytes:
    members = [(source.choice(FIELDS), value(source)) for _ in range(source.randrange(6))]
    count = source.choice((0, 1, 1, 1, 2, 3))
    members += [("model", source.choice(NAMES)) for _ in range(count)]
    if source.random() < 0.1:
        members.append(("model", source.choice(NO_NAMES)))
    if source.random() < 0.1:
        members.append((source.choice(CHOOSING), source.choice(NAMES)))
    source.shuffle(members)
    return written(source, members)


def cut(text: bytes, source: random.Random) -> Iterator[bytes]:
    size = source.choice((7, 100, 701, 4096, 5000, 1 << 20)) if len(text) < 4000 else 701
    return (text[start : start + size] for start in range(0, len(text), size))


def read(text: bytes, source: random.Random) -> LongJson:
    return finished(reading(cut(text, source)))


def knows(said: LongJson, names: list[Any]) -> bool:
    """It refuses, or knows each of them."""
    if not said.is_plain or None in said.names:
        return True
    return all(isinstance(name, str) and name in said.names for name in names)


def test_it_says_what_a_parser_says_or_refuses():
    accepted = 0
    for seed in range(1500):
        source = random.Random(seed)
        text = body(source)
        said = read(text, source)
        assert knows(said, models_of_fields(text)), (seed, text)
        accepted += said.is_plain and None not in said.names
    assert accepted > 500


def test_what_is_broken_names_no_other_model_than_a_parser_finds():
    for seed in range(600):
        source = random.Random(seed)
        text = body(source)
        place = source.randrange(len(text) + 1)
        broken = text[:place] + source.choice(BROKEN) + text[place:]
        said = read(broken, source)
        assert knows(said, models_at_top(broken)), (seed, broken)


@pytest.mark.parametrize("field", CHOOSING)
def test_a_field_that_chooses_a_model_is_found_at_any_place(field: str):
    for seed, before in enumerate((0, 60, 900, 4000, 32 * 1024, 70_000)):
        for apart in (":", " :", " " * 900 + ":"):
            text = b'{"x":"%b","%b"%b"bad","y":"%b"}' % (
                b"z" * before,
                field.encode(),
                apart.encode(),
                b"w" * before,
            )
            assert not read(text, random.Random(seed)).is_plain


@pytest.mark.parametrize("length", [10, 499, 500, 501, 900, 5000])
@pytest.mark.parametrize("letter", ["v", '\\"', "\\\\", "\\u00e9"])
def test_a_name_is_read_whole_or_unknown(letter: str, length: int):
    text = f'{{"y":"{"z" * 9000}","model":"{letter * length}","x":"{"q" * 9000}"}}'
    said = read(text.encode(), random.Random(length))

    (name,) = said.names
    assert said.is_plain
    assert name in (None, json.loads(text)["model"])
    assert name is not None or len(letter) * length > 500


@pytest.mark.parametrize("spaces", [0, 1, 900, 1000, 1001, 5000, 40_000])
def test_a_name_behind_white_space_is_not_overlooked(spaces: int):
    space = b" " * spaces
    text = b'{"y":"%b","model"%b:%b"bad","x":"%b"}' % (b"z" * 5000, space, space, b"q" * 5000)

    assert read(text, random.Random(spaces)).names in ({"bad"}, {None})


@pytest.mark.parametrize("value", NO_NAMES)
def test_a_model_that_is_no_text_is_an_unknown_one(value: object):
    text = b'{"model":"good","y":"%b","model":%b}' % (b"z" * 9000, json.dumps(value).encode())
    assert None in read(text, random.Random(1)).names


def test_a_property_of_a_tools_schema_names_no_model():
    schema = b'{"properties": {"model": {"type": "string"}}}'
    text = b'{"model":"good","tools":[%b],"y":"%b"}' % (schema, b"z" * 9000)
    assert read(text, random.Random(1)) == LongJson(True, {"good"})


def test_names_are_found_in_what_is_not_plain_too():
    text = b'--x\r\n{"model": "bad", nothing "model":"good", %b' % (b'"' * 9001)
    assert finished(naming(cut(text, random.Random(1)))).names == {"bad", "good"}
