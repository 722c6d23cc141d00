"""Which model a request is for, and so whose quota it uses."""

import json

import pytest

from proxyapp.forwarding.body_reading import read_body
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import (
    SEARCHED_END_BYTES,
    SEARCHED_WHOLE_BYTES,
    BodyLimits,
    RequestBody,
)
from proxyapp.provider.model_name import model_of, name_in_path, quota_scope
from proxyapp.provider.model_readings import MOST_PARAMETERS
from tests.support.cpu_time import milliseconds_of

CHAT = b"/v1beta/openai/chat/completions"
SCHEMA = {
    "type": "object",
    "properties": {"model": {"type": "string"}, "car": {"model": "T", "year": 1908}},
}
SMALL_MEMORY = BodyLimits(body=1 << 30, memory=1000)


async def received(body: bytes, limits: BodyLimits = SMALL_MEMORY) -> RequestBody:
    """As a server hands it over, in two parts."""
    middle = len(body) // 2
    parts = [(body[:middle], True), (body[middle:], False)]

    async def receive():
        part, has_more = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": has_more}

    return await read_body(receive, [], limits)


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        (b"/v1beta/models/gemini-2.5-pro:generateContent", b"{}", "gemini-2.5-pro"),
        (b"/v1beta/models/gemini-2.5-pro", b"", "gemini-2.5-pro"),
        (b"/v1beta/openai/models/gemini-2.5-pro", b"", "gemini-2.5-pro"),
        (b"/v1beta/models/m:batchEmbedContents", b'{"requests": [{"model": "models/other"}]}', "m"),
        (b"/v1beta/tunedModels/mine:generateContent", b"{}", "mine"),
        (CHAT, b'{"model": "gemini-2.5-flash", "messages": []}', "gemini-2.5-flash"),
        (CHAT, b'{"messages":[{"content":"{\\"model\\":\\"x\\"}"}],"model":"m"}', "m"),
        (CHAT, b'{"model":"models/gemini-2.5-flash"}', "gemini-2.5-flash"),
        (CHAT, b' \r\n{"model":"m"}', "m"),
        (b"/v1beta/interactions", b'{\n  "model" : "m"\n}', "m"),
        (
            b"/v1beta/interactions",
            b'{"model": "models/gemini-2.5-flash", "input": "Hi"}',
            "gemini-2.5-flash",
        ),
        (
            b"/v1beta/interactions",
            b'{"input": [{"role": "model", "content": "a"}], "model": "m"}',
            "m",
        ),
        (b"/v1beta/models/" + b"m" * 300, b"", "m" * 100),
        (CHAT, b'{"model":"' + b"m" * 3000 + b'"}', "m" * 100),
    ],
)
def test_the_path_tells_the_model_or_else_the_body(path, body, model):
    assert model_of(path, body) == model


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (b"/v1beta/models", b""),
        (b"/v1beta/models/", b""),
        (b"/v1beta/openai/models", b""),
        (b"/v1beta/files", b"\x89PNG"),
        (b"/upload/v1beta/files", b'{"model": "in a file"}'),
        (b"/v1beta/interactions", b'{"agent": "deep-research-pro", "input": "Hi"}'),
        (CHAT, b""),
        (CHAT, b'model=m&x="model":"m"'),
        (CHAT, b'["model", {"model": "m"}]'),
        (CHAT, b'{"model": null}'),
        (CHAT, b'{"model": {"name": "m"}}'),
        (CHAT, b'{"model": "m'),
        (CHAT, b'{"model": ""}'),
    ],
)
def test_a_request_that_names_no_model_has_none(path, body):
    assert model_of(path, body) == ""


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        (b"/v1beta/models/gemini%2D2.5-flash:generateContent", b"", "gemini-2.5-flash"),
        (b"/v1beta/models%2Fgemini-2.5-flash%3AgenerateContent", b"", "gemini-2.5-flash"),
        (b"/v1beta/models/models%2fm:generateContent", b"", "m"),
        (CHAT, rb'{"model": "gemini\u002d2.5"}', "gemini-2.5"),
        (CHAT, rb'{"model": "models\/m"}', "m"),
        (CHAT, rb'{"model": "a\"b"}', 'a"b'),
        (CHAT, '{"model": "модель"}'.encode(), "модель"),
    ],
)
def test_a_name_is_read_as_the_upstream_reads_it(path, body, model):
    assert model_of(path, body) == model


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        (b"/v1beta/models/%ff\xff:x", b"", "\ufffd\ufffd"),
        (b"/v1beta/models/a%0Ab%00:x", b"", "a\ufffdb\ufffd"),
        (CHAT, rb'{"model": "a\u0000b\ud800"}', "a\ufffdb\ufffd"),
        (CHAT, rb'{"model": "a\qb"}', r"a\qb"),
        (CHAT, b'{"model": "/batches"}', "batches"),
    ],
)
def test_a_name_can_always_be_stored_and_logged(path, body, model):
    assert model_of(path, body) == model


@pytest.mark.parametrize("order", [("tools", "model"), ("model", "tools")])
def test_of_several_models_the_one_at_the_top_counts(order):
    body = {
        "tools": [{"function": {"parameters": SCHEMA}}, {"model": "nested"}],
        "model": "models/m",
    }

    assert model_of(CHAT, json.dumps({name: body[name] for name in order}).encode()) == "m"


@pytest.mark.parametrize("top", [{}, {"model": None}, {"model": 3}])
def test_of_several_models_none_counts_when_there_is_none_at_the_top(top):
    assert (
        model_of(CHAT, json.dumps({"tools": [{"model": "a"}, {"model": "b"}], **top}).encode())
        == ""
    )


@pytest.mark.parametrize(
    "rest", [b',"messages":', b"\xff}", b',"x":' + b"[" * 100_000, b',"x":"' + b"A" * (1 << 20)]
)
def test_of_several_models_the_first_counts_where_the_body_cannot_be_parsed(rest):
    assert model_of(CHAT, b'{"model": "first", "x": {"model": "second"}' + rest) == "first"


def test_of_several_models_the_first_counts_where_parsing_the_body_would_take_long():
    assert (
        model_of(CHAT, b'{"x": {"model": "first"}, "model": "m", "y": "' + b"A" * (1 << 20) + b'"}')
        == "first"
    )


def test_a_name_that_is_no_utf8_does_not_hide_the_model_at_the_top():
    assert model_of(CHAT, b'{"x": {"model": "\xff"}, "model": "m"}') == "m"


@pytest.mark.parametrize("size", [0, 999, 5000, 2 * SEARCHED_END_BYTES - 30, 3 << 20])
@pytest.mark.parametrize("is_last", [False, True])
async def test_the_model_is_found_in_a_body_of_any_size(size, is_last):
    members = [f'"messages": "{"A" * size}"', '"model": "m"']
    body = await received(("{" + ", ".join(members if is_last else members[::-1]) + "}").encode())

    assert model_of(CHAT, body.searchable()) == "m"


async def test_the_ends_of_a_long_body_may_still_tell_which_of_several_models_is_at_the_top():
    body = await received(
        json.dumps({"tools": SCHEMA, "image": "A" * (1 << 20), "model": "m"}).encode()
    )

    assert model_of(CHAT, body.searchable()) == "m"


async def test_of_several_models_in_the_ends_of_a_long_body_the_first_counts():
    pages = [{"model": "in a page", "text": "A" * 50_000}] * 5
    body = await received(json.dumps({"model": "m", "pages": pages}).encode())

    assert model_of(CHAT, body.searchable()) == "m"


async def test_a_name_cut_by_the_end_of_what_is_searched_is_none():
    start = b"{" + b'"model": "gem'.rjust(SEARCHED_END_BYTES - 1)
    body = await received(start + b"ini" * 99_999 + b'"}')

    assert model_of(CHAT, body.searchable()) == ""


@pytest.mark.parametrize("memory", [1000, 1 << 30])
async def test_of_a_long_body_only_the_ends_are_searched(memory):
    data = bytes(range(256)) * ((SEARCHED_WHOLE_BYTES >> 8) + 1)
    body = await received(data, BodyLimits(1 << 30, memory))

    assert body.searchable() == data[:SEARCHED_END_BYTES] + b"\n" + data[-SEARCHED_END_BYTES:]


async def test_a_body_in_memory_is_searched_whole():
    assert (
        await received(b"x" * SEARCHED_WHOLE_BYTES, BodyLimits(1 << 30, 1 << 20))
    ).searchable() == (b"x" * SEARCHED_WHOLE_BYTES)


async def test_a_searched_body_is_still_sent_whole():
    data = bytes(range(256)) * 1000
    body = await received(data)

    body.searchable()

    sent = body.to_send()
    assert not isinstance(sent, bytes)
    assert b"".join([part async for part in sent]) == data


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (b"/v1beta/batches?pageSize=5", "/batches"),
        (b"/v1beta/batches/abc", "/batches"),
        (b"/v1beta/batches/abc:cancel", "/batches"),
        (b"/v1beta/models", "/models"),
        (b"/v1beta/openai/models", "/models"),
        (b"/v1beta/openai/chat/completions", "/chat"),
        (b"/upload/v1beta/files", "/files"),
        (b"/upload/v1beta/fileSearchStores/abc:uploadToFileSearchStore", "/fileSearchStores"),
        (b"/v1/interactions/xyz", "/interactions"),
        (b"/v1alpha/auth_tokens", "/auth_tokens"),
        (b"/v1beta2/operations", "/operations"),
        (b"/v1beta/files/abc:download", "/files"),
        (b"/v1beta/%62atches", "/batches"),
        (b"/custom/prefix/thing", "/custom"),
        (b"//v1beta//batches/", "/batches"),
        (b"/", "/"),
        (b"", "/"),
        (b"/v1beta/", "/"),
        (b"/" + b"x" * 300, "/" + "x" * 99),
        (b"/\xff%00", "/\ufffd\ufffd"),
    ],
)
def test_a_quota_without_a_model_is_that_of_the_endpoint(path, scope):
    assert quota_scope(path, "") == scope


@pytest.mark.parametrize("piece", [b"1", b"/", b"a1", b"v1/", b"%25", b"/models", b":"])
def test_no_path_takes_long_to_look_at(piece: bytes):
    path = b"/v" + piece * (60_000 // len(piece)) + b"!"
    assert milliseconds_of(lambda: quota_scope(path, ""), 2) < 40
    assert milliseconds_of(lambda: facts_of(path), 2) < 250


def test_a_query_that_is_too_long_to_look_at_leaves_no_model():
    assert model_of(b"/v1beta/models/m:x", b"", b"model=m" + b"&%61=b" * MOST_PARAMETERS) == "m"
    assert (
        model_of(b"/v1beta/models/m:x", b"", b"model=m" + b"&%61=b" * (MOST_PARAMETERS + 1)) == ""
    )


def test_a_quota_is_that_of_the_model_where_there_is_one():
    assert quota_scope(b"/v1beta/batches", "gemini-2.5-flash") == "gemini-2.5-flash"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "a", "model": "b"}',
        b'{"model": "a", "x": 1, "model": "a"}',
        rb'{"model": "a", "\u006dodel": "b"}',
        rb'{"mod\u0065l": "b", "model": "a"}',
    ],
)
def test_a_body_with_two_readings_has_no_model(body):
    assert model_of(CHAT, body) == ""


def test_a_name_in_escapes_is_one_as_well():
    assert model_of(CHAT, rb'{"\u006dodel": "a"}') == "a"


@pytest.mark.parametrize(
    ("query", "model"),
    [
        (b"alt=sse", "m"),
        (b"model=m", "m"),
        (b"model=models/m", "m"),
        (b"model=other", ""),
        (b"%6dodel=other", ""),
        (b"a=1;model=other", ""),
        (b"modelled=other", "m"),
    ],
)
def test_a_query_that_names_another_model_leaves_none(query, model):
    assert model_of(b"/v1beta/models/m:generateContent", b"{}", query) == model


def test_a_path_that_names_two_models_names_none():
    assert model_of(b"/v1beta/models/a:x/models/b:generateContent", b"") == ""


@pytest.mark.parametrize("path", [b"/v1beta/x", b"/v1beta/a+google_search"])
def test_a_made_up_name_is_no_other_models_feature(path):
    assert "+" not in quota_scope(path, "gemini-2.5-flash+google_search")
    assert "+" not in quota_scope(path, "")


def test_azure_names_a_deployment():
    assert name_in_path(b"/openai/deployments/gpt%2D4o/chat/completions") == "gpt-4o"
    assert name_in_path(b"/openai/deployments/") == ""
    assert name_in_path(b"/v1/deployments/x/chat/completions") == ""
