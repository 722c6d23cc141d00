"""Google's errors in the form that OpenAI's clients read.

Under OpenAI's paths Google wraps an error in an array, and its code is a number. SDKs look for an
object: of an array they show a status without a text.
"""

import json
from typing import Any

from proxyapp.provider.status_words import STATUS_OF_WORD
from proxyapp.vocabulary.errors import openai_type

# What clients ask for by name. The others are Google's own words, in small letters as OpenAI's are.
CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
UNKNOWN_MODEL = "model_not_found"
# So many are parsed and written in a few milliseconds, during which nobody else is served. A
# recorded error has some dozens.
MOST_VALUES = 10_000
MODEL = "models/"  # how Google's text begins of a model that is not there


def in_openais_form(body: bytes, status: int) -> bytes | None:
    """None: it is no error of Google's, and stays as it is. Nothing that it says is left out."""
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        return None
    try:
        said = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
        found = _of_array(said) if isinstance(said, list) else _of_object(said)
        if found is None:
            return None
        shaped = found | {"error": _shaped(found["error"], status)}
        text = json.dumps(shaped, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return text.encode(errors="replace")


def _of_array(said: list[Any]) -> dict[str, Any] | None:
    """The first error of it; what else the array has stands beside."""
    for place, item in enumerate(said):
        error = _error_in(item)
        if error is not None:
            others = said[:place] + said[place + 1 :]
            more = item if "error" in item else {}
            return {**more, "error": error, **({"others": others} if others else {})}
    return None


def _error_in(item: object) -> dict[str, Any] | None:
    error = item.get("error", item) if isinstance(item, dict) else None
    if isinstance(error, str):
        return {"message": error}
    is_error = isinstance(error, dict) and any(
        name in error for name in ("code", "status", "message")
    )
    return error if is_error else None


def _of_object(said: object) -> dict[str, Any] | None:
    """Other providers' errors have no status by one of Google's words."""
    if not isinstance(said, dict):
        return None
    error = said.get("error", said)
    if not isinstance(error, dict) or isinstance(error.get("type"), str):
        return None
    if str(error.get("status")).lower() not in STATUS_OF_WORD:
        return None
    return said if "error" in said else {"error": error}


def _shaped(error: dict[str, Any], status: int) -> dict[str, Any]:
    message, word = error.get("message"), error.get("status")
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False) if message else str(word or "")
    kind, code = error.get("type"), error.get("code")
    return {
        **error,
        "message": message or f"The upstream answered with status {status}.",
        "type": kind if isinstance(kind, str) else openai_type(status),
        "param": error.get("param"),
        "code": code if isinstance(code, str) else _code(status, message, word),
    }


def _code(status: int, message: str, word: object) -> str | None:
    if status == 404 and message.startswith(MODEL):
        return UNKNOWN_MODEL
    return CODES.get(status) or (word.lower() if isinstance(word, str) else None)
