"""What the body of a refusal says, as facts, whatever its shape. Never raises.

Known shapes: Google's `{"error": {…}}`, alone, in an array or as an event; the interactions', whose
`code` is a word; OpenAI's and Anthropic's, with a `type`; `{"error": "…"}`, `{"message": "…"}`,
plain text and HTML.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from proxyapp.provider.stated_delay import duration, stated_in
from proxyapp.provider.tolerant_json import clean, parsed_json, plain

Object = dict[str, Any]

MESSAGE_CHARACTERS = 1 << 13
MOST_DETAILS = 256

GRPC = (
    "cancelled:499 unknown:500 invalid_argument:400 deadline_exceeded:504 not_found:404 "
    "already_exists:409 "
    "permission_denied:403 resource_exhausted:429 failed_precondition:400 aborted:409 "
    "out_of_range:400 "
    "unimplemented:501 internal:500 unavailable:503 data_loss:500 unauthenticated:401"
)
OTHERS = (
    "too_many_requests:429 rate_limit_exceeded:429 rate_limit_error:429 quota_exceeded:429 "
    "insufficient_quota:429 "
    "invalid_request:400 invalid_request_error:400 bad_request:400 authentication_error:401 "
    "invalid_api_key:401 "
    "unauthorized:401 billing_error:402 payment_required:402 permission_error:403 "
    "forbidden:403 not_found_error:404 "
    "model_not_found:404 request_too_large:413 overloaded_error:529 overloaded:503 "
    "service_unavailable:503 "
    "server_error:500 internal_error:500 internal_server_error:500 api_error:500 timeout:504 "
    "timeout_error:504"
)
STATUS_OF_WORD = {
    word: int(status) for word, status in (pair.split(":") for pair in f"{GRPC} {OTHERS}".split())
}
# google.rpc.Code, which an `error` inside a body may carry instead of an HTTP status.
STATUS_OF_NUMBER = {number: int(pair[-3:]) for number, pair in enumerate(GRPC.split(), start=1)}

_NUMBER = r"(\d{1,15}(?:,\d{3}){0,5})(?![.,]?\d)"
_EXCEEDED = re.compile(
    rf"exceeded for metric: ?([\w./-]{{1,200}}), limit: ?{_NUMBER}(?:, model: ?([\w./-]{{1,100}}))?"
)
_LIMIT = re.compile(rf"[Ll]imit(?:: ?|=| ){_NUMBER}")
_MODEL = re.compile(r"\b(?:model: ?|for model )[\"'`]?([\w./:-]{1,100})")
# Each begins with a letter or two that a search can leap to; what must stand before these is looked
# up after them.
_WINDOWS_NAMED = (
    re.compile(
        r"[Pp]er(?:(Second|Minute|Hour|Day|Week|Month)|[ _-](?<![A-Za-z]per.)(sec|min|hour"
        r"|day|week|month))"
    ),
    re.compile(r"P([SMHDW])(?<=[RTI]P.)(?<![A-HJ-NP-Za-z].P.)(?![A-Za-z])"),
    re.compile(
        r"/ ?(?:(?<=\d/)|(?<=\d /)|(?<=\d/ )|(?<=\d / ))(sec|min|hour|day|[smhd](?![A-Za-z]))"
    ),
    re.compile(r"([Dd]ai)ly"),
)
_MESSAGES = ("message", "error_description", "detail", "title", "msg")
_TITLE = re.compile(r"<title>([^<]{1,200})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*+>")
_EVENT = ("data:", "event:", "id:", "retry:", ":")
# The names of an operation, a file or a batch beside its `error`: the request for it went well.
_RESOURCE_KEYS = ("name", "done", "key", "custom_id", "response", "candidates")


class QuotaWindow(Enum):
    MINUTE = "minute"
    DAY = "day"
    OTHER = "other"


_WINDOWS = dict.fromkeys(("s", "sec", "m", "min"), QuotaWindow.MINUTE) | dict.fromkeys(
    ("d", "day", "dai"), QuotaWindow.DAY
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One quota that was exceeded, wherever the body names it."""

    quota_id: str = ""
    metric: str = ""
    limit: str = ""
    model: str = ""
    unit: str = ""

    @property
    def words(self) -> str:
        return f"{self.quota_id} {self.metric} {self.unit}"

    @property
    def is_zero(self) -> bool:
        return "0" in self.limit and not self.limit.strip("0.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status`: what the body itself names, 0 if nothing.

    `words`: its codes in lower case. `reasons`: of ErrorInfo.
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

    @property
    def windows(self) -> frozenset[QuotaWindow]:
        """Those of every quota named, and those of the message."""
        return windows_in(
            " ".join([self.message, *(violation.words for violation in self.violations)])
        )


def windows_in(text: str) -> frozenset[QuotaWindow]:
    found = (
        match[match.lastindex or 0]
        for pattern in _WINDOWS_NAMED
        for match in pattern.finditer(text)
    )
    return frozenset(_WINDOWS.get(name.lower()[:3], QuotaWindow.OTHER) for name in found)


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
    details = list(_objects(error.get("details")))[:MOST_DETAILS]
    infos = [detail for detail in details if "ErrorInfo" in clean(detail.get("@type", "ErrorInfo"))]
    message = next(
        (text for name in _MESSAGES if (text := clean(error.get(name), MESSAGE_CHARACTERS))), ""
    )
    words = [clean(error.get(name)).lower() for name in ("status", "code", "type")]
    violations = _violations(details, infos, message)
    delays = [stated_in(message), *(duration(detail.get("retryDelay")) for detail in details)]
    return Refusal(
        is_error=_is_error(found, outer),
        status=_status(error.get("code")) or _status(error.get("status")) or _first_known(words),
        words=frozenset(filter(None, words)),
        reasons=frozenset(filter(None, (clean(info.get("reason")) for info in infos))),
        message=message,
        violations=violations,
        delay=max((delay for delay in delays if delay is not None), default=None),
        model=next((violation.model for violation in violations if violation.model), "")
        or _model_in(message),
    )


def _objects(value: object) -> Iterator[Object]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def _status(code: object) -> int:
    if isinstance(code, str) and code.isdecimal() and len(code) == 3:
        code = int(code)
    if isinstance(code, bool) or not isinstance(code, int):
        return 0
    return code if 400 <= code < 600 else STATUS_OF_NUMBER.get(code, 0)


def _first_known(words: list[str]) -> int:
    return next((STATUS_OF_WORD[word] for word in words if word in STATUS_OF_WORD), 0)


def _model_in(message: str) -> str:
    found = _MODEL.search(message)
    return found[1].rstrip(".:").removeprefix("models/") if found else ""


def _violations(details: list[Object], infos: list[Object], message: str) -> tuple[Violation, ...]:
    """The details have ids, the message's lines have limits: put together where both name a metric,
    in their order.
    """
    lines = [Violation("", *found.groups("")) for found in _EXCEEDED.finditer(message)]
    named = [_violation(item) for detail in details for item in _objects(detail.get("violations"))]
    named += [
        _of_metadata(item)
        for info in infos
        for item in _objects(info.get("metadata"))
        if "quota_limit" in item
    ]
    violations = []
    for violation in named[:MOST_DETAILS]:
        line = next((line for line in lines if line.metric == violation.metric), None)
        if line is not None:
            lines.remove(line)
            limit, model = violation.limit or line.limit, violation.model or line.model
            violation = Violation(
                violation.quota_id, violation.metric, limit, model, violation.unit
            )
        violations.append(violation)
    if violations or lines:
        return (*violations, *lines)
    return tuple(Violation(limit=found[1]) for found in _LIMIT.finditer(message))


def _violation(item: Object) -> Violation:
    dimensions = item.get("quotaDimensions")
    return Violation(
        quota_id=clean(item.get("quotaId")),
        metric=clean(item.get("quotaMetric")),
        limit=_limit(item.get("quotaValue")),
        model=clean(dimensions.get("model")) if isinstance(dimensions, dict) else "",
        unit=clean(item.get("description")),
    )


def _of_metadata(item: Object) -> Violation:
    return Violation(
        quota_id=clean(item.get("quota_limit")),
        metric=clean(item.get("quota_metric")),
        limit=_limit(item.get("quota_limit_value")),
        unit=clean(item.get("quota_unit")),
    )


def _limit(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value) if abs(value) < 1e15 else ""
    return clean(value, 32)


def _html_message(text: str) -> str:
    """The page's title and words, without its styles."""
    title = _TITLE.search(text)
    shown = text[: 1 << 15].rpartition("</style>")
    words = _TAG.sub(" ", f"{title[1]} {shown[2]}" if title and shown[1] else shown[2])
    return clean(" ".join(words.split()), MESSAGE_CHARACTERS)
