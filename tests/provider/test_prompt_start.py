"""What a conversation is known by: the same however it grows, another one for another prompt."""

import json
import timeit
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.provider.json_strings import end_of_string
from proxyapp.provider.prompt_start import START_BYTES, named_id, prompt_names, prompt_start

TOOLS = [{"functionDeclarations": [{"name": "f", "parameters": {"contents": {"type": "string"}}}]}]
Body = Callable[[str, list[str]], dict[str, Any]]


def gemini(system: str, turns: list[str]) -> dict[str, Any]:
    roles = ["user", "model"] * len(turns)
    contents = [
        {"role": role, "parts": [{"text": text}]} for role, text in zip(roles, turns, strict=False)
    ]
    return {
        "contents": contents,
        "systemInstruction": {"parts": [{"text": system}]},
        "tools": TOOLS,
        "generationConfig": {"temperature": 1},
    }


def gemini_system_first(system: str, turns: list[str]) -> dict[str, Any]:
    body = gemini(system, turns)
    return {"tools": TOOLS, "system_instruction": body["systemInstruction"], **body}


def messages(turns: list[str]) -> list[dict[str, str]]:
    roles = ["user", "assistant"] * len(turns)
    return [{"role": role, "content": text} for role, text in zip(roles, turns, strict=False)]


def chat(system: str, turns: list[str]) -> dict[str, Any]:
    first = {"role": "system", "content": system}
    return {"model": "m", "messages": [first, *messages(turns)], "tools": TOOLS}


def responses(system: str, turns: list[str]) -> dict[str, Any]:
    return {"model": "m", "input": messages(turns), "instructions": system, "tools": TOOLS}


def anthropic(system: str, turns: list[str]) -> dict[str, Any]:
    return {"model": "m", "system": system, "messages": messages(turns), "tools": TOOLS}


def interactions(system: str, turns: list[str]) -> dict[str, Any]:
    return {"model": "m", "system_instruction": system, "input": messages(turns)}


APIS: dict[str, tuple[bytes, Body]] = {
    "gemini": (b"/v1beta/models/m:generateContent", gemini),
    "gemini, system first": (b"/v1beta/models/m:streamGenerateContent", gemini_system_first),
    "chat": (b"/v1beta/openai/chat/completions", chat),
    "responses": (b"/v1/responses", responses),
    "anthropic": (b"/v1/messages", anthropic),
    "interactions": (b"/v1beta/interactions", interactions),
}
each_api = pytest.mark.parametrize("api", APIS)
TEXTS = ["Hi", 'say "yes" \\ or "no"', "ä€😀 \u2028", '{"role": "system"}, ' * 40, "x" * 70_000]


def start_of(api: str, system: str, turns: list[str], *, indent: int | None = None) -> list[bytes]:
    path, body = APIS[api]
    names = prompt_names(path)
    assert names is not None
    return prompt_start(json.dumps(body(system, turns), indent=indent).encode(), names)


@each_api
@pytest.mark.parametrize("first", TEXTS)
@pytest.mark.parametrize("system", ["Be brief.", 'a "quoted" \\" rule ' * 600])
def test_later_turns_do_not_change_it(api: str, first: str, system: str):
    begun = start_of(api, system, [first])

    assert begun
    for more in (["Hello"], ["Hello", "and?", 'a "role": "system"'], ["turn " * 9000] * 9):
        assert start_of(api, system, [first, *more]) == begun


@each_api
def test_another_first_content_is_another_conversation(api: str):
    template = 'Answer like {"a": "b"} does. ' * 60
    for one, other in (("Hi", "Ho"), (template + "1", template + "2"), ("x" * 5000, "x" * 5001)):
        assert start_of(api, "Be brief.", [one]) != start_of(api, "Be brief.", [other])


@each_api
def test_another_system_instruction_is_another_conversation(api: str):
    assert start_of(api, "Be brief.", ["Hi"]) != start_of(api, "Be long.", ["Hi"])


@pytest.mark.parametrize("api", ["gemini", "anthropic", "chat"])
def test_a_first_content_is_found_behind_a_long_system_instruction(api: str):
    for system in ("s" * 90_000, 'a "b" \n' * 12_000):
        assert start_of(api, system, ["Hi"]) != start_of(api, system, ["Ho"])
        assert start_of(api, system, ["Hi"]) == start_of(api, system, ["Hi", "Hello", "x" * 9000])


def test_white_space_between_members_is_nothing_that_misleads():
    for api in APIS:
        begun = start_of(api, "Be brief.", ["Hi"], indent=2)
        assert begun == start_of(api, "Be brief.", ["Hi", "Hello", "So?"], indent=2)
        assert begun != start_of(api, "Be brief.", ["Ho"], indent=2)


def test_of_a_body_on_disk_the_two_ends_will_do():
    path, body = APIS["gemini"]
    names = prompt_names(path)
    assert names is not None

    def two_ends(turns: list[str]) -> list[bytes]:
        text = json.dumps(body("Be brief.", turns)).encode()
        ends = text[:START_BYTES] + b"\n" + text[-START_BYTES:]
        return prompt_start(ends, names, is_whole=False)

    image = "QUJD" * 300_000
    assert two_ends([image, "A cat."]) == two_ends([image, "A cat.", "x" * 200_000, "No."])
    assert two_ends([image]) == start_of("gemini", "Be brief.", [image])


@pytest.mark.parametrize("body", [b"", b"{", b'"contents"', b'{"contents":[', b'{"contents": 7}'])
def test_what_has_no_content_has_no_start(body: bytes):
    names = prompt_names(APIS["gemini"][0])
    assert names is not None
    assert b"".join(prompt_start(body, names)) == b""


@pytest.mark.parametrize("path", [b"/v1beta/models/m:embedContent", b"/v1/embeddings", b"/v1/x"])
def test_what_no_cache_keeps_has_no_names(path: bytes):
    assert prompt_names(path) is None


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"user": "ann"}, b"ann"),
        ({"user": "ann", "prompt_cache_key": "thread-7"}, b"thread-7"),
        ({"user": 7}, b""),
        ({"user": {"name": "ann"}}, b""),
        ({}, b""),
    ],
)
def test_openais_clients_name_their_conversation_or_their_user(
    members: dict[str, Any], found: bytes
):
    names = prompt_names(b"/v1/chat/completions")
    assert names is not None
    for turns in (["Hi"], ['my "user": "eve"', '"prompt_cache_key": "x"', "y" * 90_000]):
        body = chat("s", turns)
        assert named_id(json.dumps({**body, **members}).encode(), names) == found
        assert named_id(json.dumps({**members, **body}).encode(), names) == found


@given(st.text(alphabet='ab"\\\n', max_size=60), st.integers(0, 9))
def test_a_string_ends_where_a_parser_ends_it(text: str, repeat: int):
    written = json.dumps(text * (repeat + 1)).encode()
    assert end_of_string(written + b', "more"', 1, 10_000) == len(written) - 1


def test_what_is_not_found_says_how_far_it_was_read():
    assert end_of_string(b'"' + b"a" * 99, 1, 50) == -50
    read = -end_of_string(b'"' + b'\\"' * 50_000 + b'"', 1, 100_001, 4096)
    assert 4000 < read < 4200


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 60_000,
        b"\\" * 60_000,
        b'\\"' * 30_000,
        b'","' * 20_000,
        b'"role"' * 150_000,
        b'"messages"' * 90_000,
        b'"messages":' * 90_000,
        b'\\"' * 8000 + b'"role"' * 140_000,
    ],
)
def test_nothing_that_a_client_makes_up_takes_long(text: bytes):
    names = prompt_names(APIS["chat"][0])
    assert names is not None
    body = b'{"messages": [{"role": "system", "content": "' + text + b'"}], "user": "' + text

    def read() -> None:
        prompt_start(body, names)
        named_id(body, names)

    assert min(timeit.repeat(read, number=1, repeat=5)) < 0.003
