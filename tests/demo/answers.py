"""What a model would say: Google's native and OpenAI-compatible answers.

They are whole or streamed, with any token counts.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.demo.cast import MODELS
from tests.support import fake_gemini
from tests.support.fake_gemini import EVENT_STREAM, JSON, Answer
from tests.support.fake_http import Recorded

PIECES = [
    "This is the upstream ",
    "of the demo. It keeps ",
    "quotas, makes mistakes ",
    "and takes its time ",
    "as Google does, but no ",
    "model stands behind it.",
]
TEXT = "".join(PIECES)


class Tokens(NamedTuple):
    prompt: int
    output: int


def generated(request: Recorded, tokens: Tokens) -> Answer | None:
    """None: it asks for something else than text, or for a model that there is not."""
    model = fake_gemini.charged_model(request)
    if model not in MODELS:
        return None
    if request.path.endswith(":generateContent"):
        return _whole(_content(model, TEXT, tokens, is_last=True))
    if request.path.endswith(":streamGenerateContent") and "alt=sse" in request.query:
        return _native_stream(model, tokens)
    if request.path.endswith("/chat/completions"):
        return _chat_stream(model, tokens) if request.json().get("stream") else _chat(model, tokens)
    return None


def _whole(body: Any) -> Answer:
    return Answer(200, json.dumps(body).encode(), JSON)


def _streamed(events: Iterable[Any]) -> Answer:
    return Answer(
        200,
        [b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events],
        EVENT_STREAM,
    )


def _native_stream(model: str, tokens: Tokens) -> Answer:
    number = len(PIECES)
    so_far = [Tokens(tokens.prompt, tokens.output * (n + 1) // number) for n in range(number)]
    return _streamed(
        _content(model, piece, counted, is_last=counted == tokens)
        for piece, counted in zip(PIECES, so_far, strict=True)
    )


def _content(model: str, text: str, tokens: Tokens, *, is_last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "index": 0,
    }
    if is_last:
        candidate["finishReason"] = "STOP"
    usage = {
        "promptTokenCount": tokens.prompt,
        "candidatesTokenCount": tokens.output,
        "totalTokenCount": sum(tokens),
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "demo",
    }


def _chat(model: str, tokens: Tokens) -> Answer:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": TEXT},
    }
    return _whole(
        {**_chat_head(model, "chat.completion"), "choices": [choice], "usage": _chat_usage(tokens)}
    )


def _chat_stream(model: str, tokens: Tokens) -> Answer:
    head = _chat_head(model, "chat.completion.chunk")
    choices = [{"index": 0, "delta": {"role": "assistant", "content": piece}} for piece in PIECES]
    chunks: list[dict[str, Any]] = [{**head, "choices": [choice]} for choice in choices]
    chunks[-1]["choices"][0]["finish_reason"] = "stop"
    answer = _streamed([*chunks, {**head, "choices": [], "usage": _chat_usage(tokens)}])
    return Answer(answer.status, [*answer.body, b"data: [DONE]\n\n"], answer.headers)


def _chat_head(model: str, kind: str) -> dict[str, Any]:
    return {"id": "demo", "object": kind, "created": 1_790_000_000, "model": model}


def _chat_usage(tokens: Tokens) -> dict[str, int]:
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.output,
        "total_tokens": sum(tokens),
    }
