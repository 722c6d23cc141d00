"""What Google's Gemini API answers, native and OpenAI-compatible, as far as the tests need it.

Every answer costs PROMPT_TOKENS and OUTPUT_TOKENS. Models are `gemini-…` and `text-embedding-…`;
others are a 404.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

from tests.support.fake_http import Recorded
from tests.support.fake_quotas import Refusal

DATA = Path(__file__).parents[1] / "data"
JSON = [
    ("Content-Type", "application/json; charset=UTF-8"),
    ("Vary", "Origin"),
    ("Vary", "X-Origin"),
]
EVENT_STREAM = [("Content-Type", "text/event-stream")]
MODELS = ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001"]
PROMPT_TOKENS = 7
OUTPUT_TOKENS = 11
# Once, with one slash in front: Google has nothing at `/v1beta/v1beta/…`, `/v1/v1/…` or `//v1/…`.
VERSION = r"(?<!/)(?<!/v1)(?<!/v1beta)(?<!/v1alpha)/v1(?:beta|alpha)?"
WORDS = ["one ", "two ", "three"]
TEXT = "".join(WORDS)
NO_CALLER = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use"
    " API Key or other form of API consumer identity to call this API."
)


@dataclass(frozen=True)
class Answer:
    """`body` as bytes goes out with a Content-Length, as several parts chunked."""

    status: int
    body: bytes | Iterable[bytes]
    headers: list[tuple[str, str]] = field(default_factory=list)


# Credentials.


def credentials_of(target: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Every credential of a request, by the place where it was found."""
    query = parse_qsl(target.partition(b"?")[2].decode("latin-1"), keep_blank_values=True)
    found: dict[str, list[str]] = {"key": [value for name, value in query if name == "key"]}
    for name in ("authorization", "x-goog-api-key", "x-api-key"):
        found[name] = [
            value.decode("latin-1") for field, value in headers if field.lower() == name.encode()
        ]
    return found


def key_of(target: bytes, headers: list[tuple[bytes, bytes]]) -> str | None:
    found = credentials_of(target, headers)
    bearer = [value.removeprefix("Bearer ") for value in found["authorization"]]
    return next(iter([*found["x-goog-api-key"], *bearer, *found["x-api-key"], *found["key"]]), None)


def refuse_credentials(request: Recorded, keys: Collection[str] | None) -> Answer | None:
    """Exactly one credential, in the place that the path takes it, and a known one.

    A chunk of an upload needs none: its URL is one.
    """
    found = credentials_of(request.target, request.headers)
    shown = found["authorization"] + found["x-goog-api-key"] + found["key"]
    if len(shown) > 1:
        return refusal(request, 400, "openai_400_multiple_credentials")
    if request.chunk is not None and not shown:
        return None
    misplaced = _misplaced_on_openai(found) if _is_openai(request) else _misplaced_on_native(found)
    if misplaced:
        status, body = misplaced
        return (
            refusal(request, status, body) if isinstance(body, str) else json_answer(body, status)
        )
    if keys is not None and request.key not in keys:
        return refusal(
            request,
            400,
            "openai_400_key_invalid_array" if _is_openai(request) else "400_api_key_invalid",
        )
    return None


def _misplaced_on_openai(found: dict[str, list[str]]) -> tuple[int, Any] | None:
    if found["key"]:
        return 400, "openai_400_missing_or_invalid_auth"
    return None if found["authorization"] else (400, "openai_400_missing_auth")


def _misplaced_on_native(found: dict[str, list[str]]) -> tuple[int, Any] | None:
    if found["authorization"]:
        return 401, "401_access_token_type_unsupported"
    if found["x-goog-api-key"] or found["key"]:
        return None
    return 403, {"error": {"code": 403, "message": NO_CALLER, "status": "PERMISSION_DENIED"}}


def _is_openai(request: Recorded) -> bool:
    return "/openai/" in request.path


def _is_interactions(request: Recorded) -> bool:
    return "/interactions" in request.path


# The model.


def model_of(request: Recorded) -> str | None:
    """The model that the path names or, where it names none, a JSON body."""
    in_path = re.search(r"/models/([^/:]+)", request.path)
    if in_path:
        return in_path[1]
    try:
        return str(request.json()["model"]).removeprefix("models/")
    except (ValueError, KeyError, TypeError):
        return None


def charged_model(request: Recorded) -> str | None:
    """The model whose quota the request uses up.

    None where it costs none, as counting tokens and listing models do.
    """
    has_price = re.search(
        r"/models/[^/:]+:(?!countTokens$)\w+$|/(chat/completions|completions|embeddings|interactions)$",
        request.path,
    )
    return model_of(request) if has_price else None


# Errors.


def recorded_error(name: str) -> Any:
    """The body of tests/data/<name>.json, without the array that some endpoints put around it."""
    body = json.loads((DATA / f"{name}.json").read_text())
    return body[0] if isinstance(body, list) else body


def refusal(request: Recorded, status: int, body_name: str | None = None) -> Answer:
    """A recorded error in the form of the path."""
    return in_form(request, recorded_error(body_name or _default_refusal(request)), status)


def _default_refusal(request: Recorded) -> str:
    if _is_openai(request):
        return "openai_429_array_paid_rpd__shortened"
    return (
        "interactions_429_rpd_45m28s"
        if _is_interactions(request)
        else "429_free_rpd_20_short_delay"
    )


def quota_refusal(request: Recorded, refused: Refusal) -> Answer:
    body = refused.interactions_body if _is_interactions(request) else refused.body
    return in_form(request, body, refused.status)


def in_form(request: Recorded, error: Any, status: int) -> Answer:
    """In an array under /openai/ and for streams that are not SSE."""
    in_array = _is_openai(request) or (
        ":streamGenerateContent" in request.path and "alt=sse" not in request.query
    )
    return json_answer([error] if in_array else error, status)


def json_answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body, indent=2).encode() + b"\n", JSON)


# Answers.


def answer(request: Recorded) -> Answer:
    try:
        return _answer(request)
    except UNREADABLE:
        return unreadable(request)


UNREADABLE = (ValueError, KeyError, AttributeError, TypeError)


def unreadable(request: Recorded) -> Answer:
    """A body that is not what the method takes."""
    error = {
        "code": 400,
        "message": "Invalid JSON payload received.",
        "status": "INVALID_ARGUMENT",
    }
    return json_answer([{"error": error}] if _is_openai(request) else {"error": error}, 400)


def _answer(request: Recorded) -> Answer:
    if _is_openai(request):
        openai = re.search(rf"{VERSION}/openai/(.*)$", request.path)
        return _openai_answer(request, openai[1] if openai else "")
    if re.search(rf"{VERSION}/models$", request.path):
        return _model_list(dict(parse_qsl(request.query)))
    if request.path.endswith("/interactions") and request.method == "POST":
        return interaction_answer(request)
    found = re.search(rf"{VERSION}/models/([^/:]+)(?::(\w+))?$", request.path)
    if not found:
        return json_answer(
            {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}, 404
        )
    model, method = found[1], found[2]
    if not model.startswith(("gemini-", "text-embedding-")):
        return refusal(request, 404, "404_model_not_found")
    return _native_answer(request, model, method)


def _model_list(asked: dict[str, str]) -> Answer:
    start = int(asked.get("pageToken", 0))
    end = start + (int(asked.get("pageSize", 0)) or len(MODELS))
    following = {"nextPageToken": str(end)} if end < len(MODELS) else {}
    return json_answer({"models": [_model(name) for name in MODELS[start:end]], **following})


def _native_answer(request: Recorded, model: str, method: str | None) -> Answer:
    if method is None:
        return json_answer(_model(model))
    if method == "countTokens":
        return json_answer({"totalTokens": PROMPT_TOKENS})
    if method == "embedContent":
        return json_answer({"embedding": _embedding()})
    if method == "batchEmbedContents":
        return json_answer({"embeddings": [_embedding() for _ in request.json()["requests"]]})
    if method == "generateContent":
        return json_answer(generated_content(TEXT, OUTPUT_TOKENS, model, is_last=True))
    if method == "streamGenerateContent":
        return _stream(model, is_sse="alt=sse" in request.query)
    return json_answer(
        {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}, 404
    )


def event(text: str, *, output_tokens: int, model: str = MODELS[0], is_last: bool = False) -> bytes:
    """One server-sent event of streamGenerateContent."""
    content = generated_content(text, output_tokens, model, is_last=is_last)
    return b"data: " + json.dumps(content).encode() + b"\r\n\r\n"


def _stream(model: str, *, is_sse: bool) -> Answer:
    tokens = [3, 7, OUTPUT_TOKENS]
    contents = [
        generated_content(word, count, model, is_last=count == OUTPUT_TOKENS)
        for word, count in zip(WORDS, tokens, strict=True)
    ]
    if not is_sse:
        parts = [
            ("," if number else "[") + json.dumps(content)
            for number, content in enumerate(contents)
        ]
        return Answer(200, [*(part.encode() for part in parts), b"]"], JSON)
    return Answer(
        200,
        [b"data: " + json.dumps(content).encode() + b"\r\n\r\n" for content in contents],
        EVENT_STREAM,
    )


def generated_content(
    text: str, output_tokens: int, model: str, *, is_last: bool
) -> dict[str, Any]:
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "index": 0,
    }
    if is_last:
        candidate["finishReason"] = "STOP"
    usage = {
        "promptTokenCount": PROMPT_TOKENS,
        "candidatesTokenCount": output_tokens,
        "totalTokenCount": PROMPT_TOKENS + output_tokens,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "r1",
    }


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1048576,
    }


def _embedding() -> dict[str, Any]:
    return {"values": [0.25, -0.5, 1.0]}


# Streams that end in an error.

BrokenForm = Literal["tail", "event"]


def break_stream(request: Recorded, answer: Answer, error: Any, form: BrokenForm) -> Answer:
    """A stream with `error` for its last event, of streamGenerateContent or the interactions.

    Other answers stay as they are. The last event would have made the stream whole. "tail": the
    error stands bare and pretty-printed after the events; "event": it is an event of the
    interactions. A stream that is an array gets it as its last element.
    """
    is_native_stream = ":streamGenerateContent" in request.path or _is_interactions(request)
    if isinstance(answer.body, bytes) or not is_native_stream:
        return answer
    parts, printed = list(answer.body), json.dumps(error, indent=2).encode()
    if answer.headers != EVENT_STREAM:
        *before, _last, _bracket = parts
        return Answer(answer.status, [*before, b"," + printed + b"]"], answer.headers)
    end = (
        _sse({"event_type": "error", "error": error["error"]})
        if form == "event"
        else printed + b"\n"
    )
    return Answer(answer.status, [*parts[:-1], end], answer.headers)


def _sse(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


# The interactions.


def interaction_answer(request: Recorded, interaction_id: str = "i1") -> Answer:
    asked = request.json()
    if not asked.get("agent") and not asked["model"].startswith("gemini-"):
        return refusal(request, 404, "404_model_not_found")
    made = interaction(asked, interaction_id)
    return interaction_stream(made) if asked.get("stream") else json_answer(made)


def interaction(asked: dict[str, Any], interaction_id: str) -> dict[str, Any]:
    """One that is completed."""
    by: dict[str, Any] = {name: asked[name] for name in ("model", "agent") if name in asked}
    usage = {
        "total_input_tokens": PROMPT_TOKENS,
        "total_output_tokens": OUTPUT_TOKENS,
        "total_tokens": PROMPT_TOKENS + OUTPUT_TOKENS,
    }
    step = {"type": "model_output", "content": [{"type": "text", "text": TEXT}]}
    head: dict[str, Any] = {
        "id": interaction_id,
        "object": "interaction",
        **by,
        "status": "completed",
    }
    return {**head, "usage": usage, "steps": [step]}


def interaction_stream(whole: dict[str, Any]) -> Answer:
    deltas = [
        {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": word}}
        for word in WORDS
    ]
    completed = {name: value for name, value in whole.items() if name != "steps"}
    head = {name: value for name, value in completed.items() if name != "usage"}
    created = {**head, "status": "in_progress"}
    events: list[dict[str, Any]] = [
        {"event_type": "interaction.created", "interaction": created},
        {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
        *deltas,
        {"event_type": "step.stop", "index": 0},
        {"event_type": "interaction.completed", "interaction": completed},
    ]
    return Answer(200, [_sse(event) for event in events], EVENT_STREAM)


# The OpenAI-compatible endpoints.


def _openai_answer(request: Recorded, what: str) -> Answer:
    if what == "models":
        data = [
            {"id": f"models/{name}", "object": "model", "owned_by": "google"} for name in MODELS
        ]
        return json_answer({"object": "list", "data": data})
    if what not in ("chat/completions", "embeddings"):
        return json_answer(
            [{"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}], 404
        )
    asked = request.json()
    if not asked["model"].removeprefix("models/").startswith(("gemini-", "text-embedding-")):
        return refusal(request, 404, "openai_404_model_array")
    if what == "embeddings":
        return _openai_embeddings(asked)
    return _openai_stream(asked) if asked.get("stream") else _openai_completion(asked)


def _openai_embeddings(asked: dict[str, Any]) -> Answer:
    inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    data = [
        {"object": "embedding", "index": n, "embedding": _embedding()["values"]}
        for n, _ in enumerate(inputs)
    ]
    usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
    return json_answer({"object": "list", "data": data, "model": asked["model"], "usage": usage})


def _openai_usage() -> dict[str, int]:
    total = PROMPT_TOKENS + OUTPUT_TOKENS
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": total,
    }


def _openai_completion(asked: dict[str, Any]) -> Answer:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": TEXT},
    }
    head = {"id": "c1", "object": "chat.completion", "created": 1790000000, "model": asked["model"]}
    return json_answer({**head, "choices": [choice], "usage": _openai_usage()})


def _openai_stream(asked: dict[str, Any]) -> Answer:
    head = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": asked["model"],
    }
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]}
        for word in WORDS
    ]
    chunks[-1]["choices"][0]["finish_reason"] = "stop"
    if (asked.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _openai_usage()})
    return Answer(200, [*(_sse(chunk) for chunk in chunks), b"data: [DONE]\n\n"], EVENT_STREAM)
