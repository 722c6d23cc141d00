"""What a usage means in each API's words: no LLM token is counted twice, none is left out."""

import json
import time
from typing import Any

import pytest

from proxyapp.provider.llm_tokens import LlmTokenCounter, LlmTokens
from proxyapp.provider.usage_shapes import SHAPES, counts_of_usage

GEMINI = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 40,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 7,
    "toolUsePromptTokenCount": 5,
    "totalTokenCount": 132,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
}
LIVE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 40,
    "responseTokenCount": 20,
    "thoughtsTokenCount": 7,
    "toolUsePromptTokenCount": 5,
    "totalTokenCount": 132,
}
INTERACTIONS = {
    "total_input_tokens": 100,
    "total_cached_tokens": 40,
    "total_output_tokens": 20,
    "total_thought_tokens": 7,
    "total_tool_use_tokens": 5,
    "total_tokens": 132,
}
CHAT = {
    "prompt_tokens": 105,
    "completion_tokens": 27,
    "total_tokens": 132,
    "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 7},
}
RESPONSES = {
    "input_tokens": 105,
    "input_tokens_details": {"cached_tokens": 40},
    "output_tokens": 27,
    "output_tokens_details": {"reasoning_tokens": 7},
    "total_tokens": 132,
}
ANTHROPIC = {
    "input_tokens": 60,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 40,
    "output_tokens": 27,
}
WITH_TOOLS = LlmTokens(prompt=105, output=27, cached=40, thoughts=7, tool_use=5)
WITHOUT_TOOLS = WITH_TOOLS._replace(tool_use=0)


def count(*chunks: bytes) -> LlmTokens:
    counter = LlmTokenCounter()
    for chunk in chunks:
        counter.feed(chunk)
    return counter.llm_tokens()


def read(usage: dict[str, Any]) -> LlmTokens:
    return LlmTokens(*counts_of_usage(usage))


@pytest.mark.parametrize(
    ("member", "usage", "expected"),
    [
        ("usageMetadata", GEMINI, WITH_TOOLS),
        ("usageMetadata", LIVE, WITH_TOOLS),
        ("usage", INTERACTIONS, WITH_TOOLS),
        ("usage", CHAT, WITHOUT_TOOLS),
        ("usage", RESPONSES, WITHOUT_TOOLS),
        ("usage", ANTHROPIC, WITHOUT_TOOLS._replace(thoughts=0)),
    ],
    ids=["gemini", "live", "interactions", "chat", "responses", "anthropic"],
)
@pytest.mark.parametrize("size", [1, 7, 16, 100_000])
def test_each_shape_comes_to_the_same_counts(
    member: str, usage: dict[str, Any], expected: LlmTokens, size: int
):
    text = json.dumps({"id": "x", member: usage, "model": "m"}).encode()

    assert count(*(text[at : at + size] for at in range(0, len(text), size))) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "total_tokens": 9}, LlmTokens(9)),
        ({"promptTokenCount": 9}, LlmTokens(9)),
        ({"total_tokens": 9}, LlmTokens(9)),
        ({"input_tokens": 9, "total_tokens": 9}, LlmTokens(9)),
    ],
)
def test_embeddings_have_a_prompt_alone(usage: dict[str, Any], expected: LlmTokens):
    assert read(usage) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # Google's own chats name no thoughts, others name them beside the completion.
        (
            {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623},
            LlmTokens(20, 603, thoughts=405),
        ),
        (
            {
                "prompt_tokens": 21,
                "completion_tokens": 0,
                "total_tokens": 81,
                "completion_tokens_details": {"reasoning_tokens": 60},
            },
            LlmTokens(21, 60, thoughts=60),
        ),
        ({"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 9}, LlmTokens(20, 8)),
        ({"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": None}, LlmTokens(20, 8)),
    ],
)
def test_thoughts_that_a_chat_leaves_out_of_its_completion_count_once(
    usage: dict[str, Any], expected: LlmTokens
):
    assert read(usage) == expected


def test_two_names_of_one_count_are_not_added_up():
    assert read({**GEMINI, **LIVE}) == WITH_TOOLS
    assert read({**CHAT, **RESPONSES}) == WITHOUT_TOOLS
    assert read({**CHAT, "cache_read_input_tokens": 40}) == WITHOUT_TOOLS


@pytest.mark.parametrize(
    "bad", [-1, 1 << 40, 10**400, 7.0, 1e999, "7", "", True, False, None, [], {}, [7], {"a": 7}]
)
def test_what_is_no_count_counts_nothing(bad: Any):
    for shape in SHAPES:
        parts = [shape.prompt, shape.output, shape.cached, shape.thoughts, shape.tool_use]
        for part in [*parts, shape.more_prompt, shape.total]:
            usage: dict[str, Any] = dict.fromkeys(shape.signs, 0)
            usage |= {outer: {inner: bad} if inner else bad for outer, inner in part}
            assert read(usage) == LlmTokens(), usage


@pytest.mark.parametrize("details", [None, 7, "x", [], True])
def test_details_that_are_no_object_hide_nothing_else(details: Any):
    usage = CHAT | {"prompt_tokens_details": details, "completion_tokens_details": details}

    assert read(usage) == LlmTokens(105, 27)


def test_a_part_is_never_more_than_the_whole():
    usage = {"promptTokenCount": 10, "cachedContentTokenCount": 99, "candidatesTokenCount": 1}

    assert read(usage) == LlmTokens(10, 1, cached=10)


# Streams.


def event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


ANTHROPIC_STREAM = b"".join(
    [
        event("message_start", message={"id": "m", "usage": {**ANTHROPIC, "output_tokens": 1}}),
        event("ping"),
        event("content_block_delta", delta={"type": "text_delta", "text": 'a "usage" {of} b'}),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 27}),
        event("message_stop"),
    ]
)
RESPONSES_STREAM = b"".join(
    [
        event("response.created", response={"id": "r", "usage": None}),
        event("response.output_text.delta", delta="x" * 5000),
        event("response.completed", response={"id": "r", "usage": RESPONSES, "user": None}),
    ]
)
INTERACTIONS_STREAM = b"".join(
    [
        event("interaction.start", interaction={"id": "i"}),
        event("content.delta", delta={"text": "x"}),
        event("interaction.complete", interaction={"id": "i", "usage": INTERACTIONS}),
    ]
)
CHAT_STREAM = b"".join(
    [
        b'data: {"choices":[{"delta":{"content":"a"}}],"usage":null}\n\n' * 3,
        b'data: {"choices":[],"usage":%b}\n\n' % json.dumps(CHAT).encode(),
        b'data: {"choices":[{"delta":{}}],"usage":null}\n\ndata: [DONE]\n\n',
    ]
)
GEMINI_STREAM = b"".join(
    [
        b'data: {"candidates":[],"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1}}\n\n',
        b'data: {"candidates":[],"usageMetadata":%b}\n\n' % json.dumps(GEMINI).encode(),
    ]
)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (ANTHROPIC_STREAM, WITHOUT_TOOLS._replace(thoughts=0)),
        (RESPONSES_STREAM, WITHOUT_TOOLS),
        (INTERACTIONS_STREAM, WITH_TOOLS),
        (CHAT_STREAM, WITHOUT_TOOLS),
        (GEMINI_STREAM, WITH_TOOLS),
    ],
    ids=["anthropic", "responses", "interactions", "chat", "gemini"],
)
def test_a_stream_is_counted_wherever_it_is_cut(stream: bytes, expected: LlmTokens):
    for size in (1, 2, 3, 5, 13, 64, 1000, len(stream)):
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        assert count(*pieces) == expected, size
    for cut in range(len(stream)):
        assert count(stream[:cut], stream[cut:]) == expected, cut


def test_the_last_of_many_events_tells():
    start = event("message_start", message={"usage": {"input_tokens": 9, "output_tokens": 1}})
    deltas = [event("message_delta", usage={"output_tokens": number}) for number in (3, 5, 8)]

    assert count(start, *deltas) == LlmTokens(9, 8)
    newer = event("message_delta", usage={"input_tokens": 11, "output_tokens": 8})
    assert count(start, *deltas, newer) == LlmTokens(11, 8)


def test_many_events_without_numbers_in_one_chunk_cost_no_time_that_is_seen():
    null = b'data: {"choices":[{"delta":{"content":"x"}}],"usage":null}\n\n'
    counter = LlmTokenCounter()
    before = time.thread_time()

    counter.feed(null * 20_000)

    assert counter.llm_tokens() == LlmTokens()
    assert time.thread_time() - before < 0.5  # some 20 ms; a scan for each event takes seconds
