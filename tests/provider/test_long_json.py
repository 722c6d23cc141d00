"""A long body is read as a parser of the whole reads it, however it is cut into steps."""

import base64
import gc
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from proxyapp.provider import json_outline, json_parts, long_json
from proxyapp.provider.json_outline import LONGEST_NAME_BYTES, UnreadableBody
from proxyapp.provider.long_json import MOST_NAMES, LongJson, finished, reading
from proxyapp.provider.model_fields import models_of_fields
from proxyapp.provider.model_readings import models_at_top

NAMES = ("good", "models/good-1", "bad", 'qu"ote', "back\\slash", "é", "x" * 495, "line\nend", "")
NO_NAMES = (5, None, True, ["bad"], {"name": "bad"}, [{"model": "bad"}])
# What chats, tools and embeddings are made of; some texts end like the fields that choose a model.
TEXTS = (
    *("hi", "", "a" * 900, "b" * 5000, "é€😀", '{"model": "inside"}', "it said \\", "the models"),
    *("engine ", "\t\n", "\u0000", "back\\", 'quote"', 'ends with "model', "true", "\ud800"),
    *("A" * 3000 + '"model": ', '\\"' * 50, "\\" * 99, "€" * 80, "], [{,", "<\u001f>" * 40),
)
FIELDS = ("text", "role", "content", "x", "parts", "tools", "n", "id", "extra_body", "q" * 90)
CHOOSING = (
    *("models", "fallbacks", "engine", "deployment_id", "agent", "preset", "route", "Routers"),
    *("context_window_fallbacks", "model_name", "MODEL-ID", "modelList", "target_model"),
    *("a model", "modelUri", "supermodel ", "model x", "mo_del", "m.o.d.e.l", "z" * 80 + "model"),
)
BROKEN = (
    *(b'"', b"\\", b"x", b"'model': 'bad'", b"\x01", b"\0", b"nul", b"tru e", b"/*x*/", b"[", b"]"),
    *(b'"model" bad', b'"a"b"', b"NaN", b"\xff", b'\\"', b"\x0c", b"model: 1", b"{", b"}", b",,"),
    *(
        b"\\u00",
        b"\\q",
        b"01",
        b"1e",
        b"-",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"Infinity",
        b'\\u00e9"',
        b":",
    ),
)


def value(source: random.Random, depth: int = 0) -> object:
    kind = source.randrange(8 if depth < 4 else 6)
    if kind < 3:
        return source.choice(TEXTS)
    if kind < 6:
        return source.choice((True, False, None, 0, -1.5e30, 12345678901234567890, 1e-7))
    if kind == 6:
        return [value(source, depth + 1) for _ in range(source.randrange(6))]
    names = (*FIELDS, "model") if source.random() < 0.2 else FIELDS
    return {source.choice(names): value(source, depth + 1) for _ in range(source.randrange(6))}


def written(source: random.Random, members: list[tuple[str, object]]) -> bytes:
    """With repeated names, escaped or plain, close or wide."""
    wide = " \n" * source.choice((1, 1, 60))
    apart = source.choice(((",", ":"), (", ", ": "), (f" ,{wide}", " :\t")))
    indent, is_ascii = source.choice((None, None, 2, "\t")), source.random() < 0.5
    parts = []
    for name, member in members:
        text = json.dumps({name: member}, separators=apart, indent=indent, ensure_ascii=is_ascii)
        text = text.strip()[1:-1]
        if name == "model" and source.random() < 0.3:
            text = text.replace('"model"', source.choice(('"mod\\u0065l"', '"MODEL"')), 1)
        parts.append(text)
    return ("{" + ",".join(parts) + "}").encode("utf-8", "surrogatepass")


def body(source: random.Random) -> bytes:
    members = [(source.choice(FIELDS), value(source)) for _ in range(source.randrange(6))]
    count = source.choice((0, 1, 1, 1, 2, 3))
    members += [("model", source.choice(NAMES)) for _ in range(count)]
    if source.random() < 0.1:
        members.append(("model", source.choice(NO_NAMES)))
    if source.random() < 0.2:
        members.append((source.choice(CHOOSING), source.choice((*NAMES, ["a", {"b": "c" * 99}]))))
    if source.random() < 0.1:
        members.append(("tools", [{"model": source.choice(NAMES)}, 1]))
    source.shuffle(members)
    return written(source, members)


def broken(source: random.Random, text: bytes) -> bytes:
    place = source.randrange(len(text) + 1)
    kind = source.randrange(6)
    if kind == 0:
        return text[:place]
    if kind == 1:
        return text[:place] + text[place + source.randrange(1, 4) :]
    if kind == 2:
        return text + source.choice((b" ", b"\n", b"\0", b"{}", b",", b"x", b'"model"'))
    if kind == 3:
        coding = source.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig"))
        return text.decode("utf-8", "replace").encode(coding)
    return text[:place] + source.choice(BROKEN) + text[place:]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Into steps and parts of other sizes."""

    def cut_by(source: random.Random, length: int) -> None:
        sizes = (50, 701, 5000, 16_384) if length > 4000 else (1, 3, 7, 50, 100, 701, 5000)
        step = source.choice(sizes)
        monkeypatch.setattr(long_json, "STEP_BYTES", step)
        monkeypatch.setattr(long_json, "PIECE_BYTES", step * source.choice((1, 2, 16)))
        monkeypatch.setattr(json_parts, "PART_BYTES", source.choice((1, 10, 100, 32_768)))
        monkeypatch.setattr(json_parts, "MOST_FEEDS", source.choice((1, 2, 8, 10_000)))
        monkeypatch.setattr(json_outline, "LONG_BYTES", source.choice((40, 64, 64, 500)))

    return cut_by


def read(text: bytes) -> LongJson:
    return finished(reading(text))


def only_texts(names: list[Any]) -> list[str | None]:
    return [name if isinstance(name, str) else None for name in names]


def parsed(text: bytes) -> tuple[set[str | None], set[str | None]] | None:
    """What a full parse says: the models of fields, and besides them those of tools."""
    try:
        named = models_of_fields(text)
        all_named = models_of_fields(text, do_tools_ask=True)
    except UnreadableBody:
        return None
    return set(only_texts(named)), set(only_texts(all_named))


def check(text: bytes) -> bool:
    """It says what a parser says. Whether that is something."""
    said, expected = read(text), parsed(text)
    if expected is None:
        assert not said.is_plain
        return False
    assert said.is_plain
    assert (set(said.names), {*said.names, *said.of_tools}) == expected
    at_top = only_texts(models_at_top(text))
    known = at_top if len(at_top) <= MOST_NAMES else [*at_top[:MOST_NAMES], None]
    assert [model for _, model in said.at_top] == known
    return True


def test_it_says_what_a_parser_says(cut: Any):
    accepted = 0
    for seed in range(1000):
        source = random.Random(seed)
        text = body(source)
        cut(source, len(text))
        accepted += check(text)
    assert accepted > 700


def test_it_says_of_what_is_broken_what_a_parser_says(cut: Any):
    refused = 0
    for seed in range(2000):
        source = random.Random(seed)
        text = broken(source, body(source))
        cut(source, len(text))
        refused += not check(text)
    assert 1000 < refused < 2000


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"[]",
        b'"model"',
        b'[{"model":"bad"}]',
        b'{"model":"good"} {"model":"bad"}',
        b'{"model":"good","x":NaN,"y":-Infinity,"z":1e999}',
        b'{"model":"good","x":' + b"9" * 5000 + b"}",
        b'{"model":"good","x":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"model":"good","x":' + b'{"a":' * 300 + b'{"model":"bad"}' + b"}" * 300 + b"}",
        b'{"model":"good","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[1," * 30_000,
        b'{"model":"good"' + b',"model":"good"' * 9000 + b"}",
        b'{"a":1' + b',"extra_body":{"model":"bad"}' * 3000 + b"}",
        b'{"a":[1' + b',{"model":"bad"}' * 9000 + b"]}",
        b'{"a":[1' + b",[[],{}]" * 9000 + b',{"model":"bad"}]}',
        b'{"a":[1' + b",2" * 90_000 + b"}}",
        b'{"a":{"b":1' + b',"c":2' * 30_000 + b"]}",
        b'{"model":"good","model":{"a":[1' + b",1" * 60_000 + b"]}}",
        b'{"tools":[{"x":[1' + b",1" * 60_000 + b'],"model":"bad"}],"model":"good"}',
        b'{"fallbacks":[1' + b',"b"' * 60_000 + b"]}",
        b'{"model":' + b" " * 300_000 + b'"bad"}',
        b'{"model":' + b" \v " * 100_000 + b'"bad"}',
        b'{"x":1' + b" " * 300_000 + b"2}",
        b'{"model":"good","' + b"x" * 5000 + b'model":"bad"}',
        b'{"model":"good","x":"' + b"y" * 300_000 + b'\x00"}',
        b'{"model":"good","x":"' + b"y" * 300_000 + b'\xff"}',
        b'{"model":"good","x":"' + b"y" * 300_000 + b"\xc3",
        b'{"model":"good","x":"' + b"y" * 300_000 + b'\\"}',
        b'{"model":"good","x":"' + b"y" * 300_000 + b'\\u12"}',
        b'{"model":"good","x":"' + "€".encode() * 200_000 + b'","model":"bad"}',
        b'\xef\xbb\xbf{"model":"good","x":"' + b"y" * 70_000 + b'"}',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_it_says_of_the_unusual_what_a_parser_says(text: bytes):
    check(text)


def test_a_name_of_any_length_is_read_whole_or_unknown():
    for length in (63, 64, 65, 4000, LONGEST_NAME_BYTES, LONGEST_NAME_BYTES + 1):
        for letter in ("v", '\\"', "\\\\", "\\u00e9"):
            count = length // len(letter)
            text = f'{{"y":"{"z" * 9000}","model":"{letter * count}"}}'.encode()
            (name,) = read(text).names
            is_known = count * len(letter) <= LONGEST_NAME_BYTES
            assert name == (json.loads(text)["model"] if is_known else None)


def test_a_field_whose_name_nobody_could_read_names_an_unknown_model():
    text = b'{"model":"good","%b":"good"}' % (b"x" * (LONGEST_NAME_BYTES + 1))
    assert [*read(text).names] == ["good", None]


def test_more_names_than_a_client_is_given_end_in_an_unknown_one():
    text = b'{"x":1' + b"".join(b',"model":"good%d"' % i for i in range(20_000)) + b"}"
    said = read(text)
    assert len(said.names) == MOST_NAMES + 1
    assert None in said.names


def test_no_text_of_a_client_is_taken_for_a_reference():
    text = b'{"model":"%b0:5","x":"%b"}'
    guessed = text % (b"0" * len(json_outline._MARK), b"y" * 500)
    assert [*read(guessed).names] == ["0" * len(json_outline._MARK) + "0:5"]


def filled(start: bytes, piece: bytes, end: bytes) -> bytes:
    return start + piece * ((1 << 20) // len(piece)) + end


START = b'{"model":"good","x":'
TURN = b'{"role":"model","parts":[{"text":"%b"}]},' % (b"A word or two, \\n" * 120)
# The body, and how many ms of CPU it may take.
SHAPES = {
    "one string": (filled(START + b'"', b"hello world ", b'"}'), 4),
    "base64": (START + b'"' + base64.b64encode(random.Random(1).randbytes(786_000)) + b'"}', 4),
    "turns": (filled(b'{"model":"good","contents":[', TURN, b"1]}"), 20),
    "white space": (filled(START, b" \n\t", b"1}"), 20),
    "small values": (filled(START + b"[", b'"",true,1,', b"1]}"), 200),
    "small objects": (filled(START + b"[", b'{"a":1},', b"1]}"), 700),
    "quotes": (filled(START + b"[", b'"",', b"1]}"), 300),
    "escapes": (filled(START + b'"', b"\\u006d", b'"}'), 60),
    "models": (filled(b"{", b'"model":"good",', b'"a":1}'), 300),
    "long names": (
        filled(b'{"model":"good","y":{', b'"' + b"mo-" * 2000 + b'":1,', b'"a":1}}'),
        300,
    ),
    "nested": (filled(START + b"[", b"[" * 400 + b"]" * 400 + b",", b"1]}"), 1200),
}
STEP_MILLISECONDS = 15


@pytest.fixture
def no_garbage() -> Iterator[None]:
    """The collector looks through all that the tests hold, in a step of anybody's."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage")
@pytest.mark.parametrize("name", SHAPES)
def test_a_megabyte_of_any_shape_takes_little_and_each_step_next_to_nothing(name: str):
    text, most = SHAPES[name]
    totals, longest = [], []
    for _ in range(3):
        steps, costs = reading(text), []
        while True:
            before = time.thread_time()
            is_over = next(steps, "over") == "over"
            costs.append((time.thread_time() - before) * 1000)
            if is_over:
                break
        totals.append(sum(costs))
        longest.append(max(costs))
    assert min(totals) < most
    assert min(longest) < STEP_MILLISECONDS
    assert set(read(text).names) == {"good"}
