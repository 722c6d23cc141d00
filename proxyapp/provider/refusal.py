"""What the body of a refusal says, as facts, whatever its shape. Never raises.

Known shapes: Google's `{"error": {…}}`, alone, in an array or as an event; the interactions', whose
`code` is a word; OpenAI's and Anthropic's, with a `type`; `{"error": "…"}`, `{"message": "…"}`,
plain text and HTML.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from proxyapp.provider.refusal_words import QUOTED
from proxyapp.provider.stated_delay import duration, stated_in
from proxyapp.provider.status_words import status_of_code, status_of_words
from proxyapp.provider.tolerant_json import Object, clean, objects_in, parsed_json, plain
from proxyapp.provider.violations import QuotaWindow, Violation, violations_in, windows_in
from proxyapp.vocabulary.asgi import Header

MESSAGE_CHARACTERS = 1 << 13
MOST_DETAILS = 256

_MODEL = re.compile(r"\b(?:model: ?|for model )[\"'`]?([\w./:-]{1,100})")
_MESSAGES = ("message", "error_description", "detail", "title", "msg")
_TITLE = re.compile(r"<title>([^<]{1,200})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*+>")
_EVENT = ("data:", "event:", "id:", "retry:", ":")
# The names of an operation, a file or a batch beside its `error`: the request for it went well.
_RESOURCE_KEYS = ("name", "done", "key", "custom_id", "response", "candidates")


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status`: what the body itself names, 0 if nothing.

    `words`: its codes in lower case. `reasons`: of ErrorInfo. `relayed_from`: the provider behind
    the one that was asked, if it is that one's refusal. `headers`: those that the body repeats.
    """

    is_error: bool = False
    is_html: bool = False
    status: int = 0
    words: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    message: str = ""
    violations: tuple[Violation, ...] = ()
    delay: timedelta | None = None
    model: str = ""
    relayed_from: str = ""
    headers: tuple[Header, ...] = ()

    @property
    def windows(self) -> frozenset[QuotaWindow]:
        """Those of every quota named, and those of the message."""
        return windows_in(
            " ".join([self.message, *(violation.words for violation in self.violations)])
        )


def read_refusal(body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> Refusal:
    text = plain(body, headers)
    if text.startswith("<"):
        return Refusal(is_html=True, message=_html_message(text))
    value = _last_event(text) if text.startswith(_EVENT) else parsed_json(text)
    if value is None:
        return Refusal(message=clean(text, MESSAGE_CHARACTERS))
    outer = _outermost(value)
    return _facts(_error_of(outer), outer)


def _last_event(text: str) -> object:
    """The last error among a stream's last events: an event of its own, or bare JSON after them."""
    for block in reversed(text.replace("\r\n", "\n").strip().rsplit("\n\n", 4)[-4:]):
        lines = [
            line.removeprefix("data:")
            for line in block.split("\n")
            if not line.startswith(_EVENT[1:])
        ]
        value = parsed_json("\n".join(lines).strip())
        if _error_of(_outermost(value)):
            return value
    return None


def _outermost(value: object) -> Object:
    """The object that holds the error. Of an array, as streams are, the last one that does."""
    if isinstance(value, list):
        objects = [item for item in value if isinstance(item, dict)]
        return next(
            (item for item in reversed(objects) if item.get("error")),
            objects[-1] if objects else {},
        )
    if isinstance(value, str):
        return {"message": value}
    return value if isinstance(value, dict) else {}


def _error_of(outer: Object) -> Object:
    error = outer.get("error") or outer.get("errors")
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"code": error, **outer, "message": outer.get("message") or error}
    return {}


def _is_error(error: Object, outer: Object) -> bool:
    """Whether the answer as a whole is an error, also when its status is 200."""
    if "error" in (outer.get("event_type"), outer.get("type")):
        return True
    is_resource = any(name in outer for name in _RESOURCE_KEYS) or (
        "id" in outer and "status" in outer
    )
    return bool(error) and "error" in outer and not is_resource


def _facts(found: Object, outer: Object) -> Refusal:
    error = found or outer
    details = list(objects_in(error.get("details")))[:MOST_DETAILS]
    infos = [detail for detail in details if "ErrorInfo" in clean(detail.get("@type", "ErrorInfo"))]
    message = next(
        (text for name in _MESSAGES if (text := clean(error.get(name), MESSAGE_CHARACTERS))), ""
    )
    words = [clean(error.get(name)).lower() for name in ("status", "code", "type")]
    violations = violations_in(details, infos, message)
    delays = [stated_in(message), *(duration(detail.get("retryDelay")) for detail in details)]
    return Refusal(
        is_error=_is_error(found, outer),
        status=status_of_code(error.get("code"))
        or status_of_code(error.get("status"))
        or status_of_words(words),
        words=frozenset(filter(None, words)),
        reasons=frozenset(filter(None, (clean(info.get("reason")) for info in infos))),
        message=message,
        violations=violations,
        delay=max((delay for delay in delays if delay is not None), default=None),
        model=next((violation.model for violation in violations if violation.model), "")
        # What stands in quotes may be a client's own.
        or _model_in(QUOTED.sub("", message)),
        **_of_metadata(error.get("metadata")),
    )


def _of_metadata(metadata: object) -> dict[str, Any]:
    """OpenRouter's."""
    if not isinstance(metadata, dict):
        return {}
    headers = metadata.get("headers")
    named = list(headers.items())[:MOST_DETAILS] if isinstance(headers, dict) else []
    return {
        "relayed_from": clean(metadata.get("provider_name")),
        "headers": tuple((clean(name).encode(), _text(value).encode()) for name, value in named),
    }


def _text(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(value)[:MOST_DETAILS] if is_number else clean(value)


def _model_in(message: str) -> str:
    found = _MODEL.search(message)
    return found[1].rstrip(".:").removeprefix("models/") if found else ""


def _html_message(text: str) -> str:
    """The page's title and words, without its styles."""
    title = _TITLE.search(text)
    shown = text[: 1 << 15].rpartition("</style>")
    words = _TAG.sub(" ", f"{title[1]} {shown[2]}" if title and shown[1] else shown[2])
    return clean(" ".join(words.split()), MESSAGE_CHARACTERS)
