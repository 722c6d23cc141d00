"""A line of the log for each request of a client that has ended. Never a query, a body or a key."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

from proxyapp.requests.record import AttemptRecord, RequestRecord
from proxyapp.vocabulary.log_masking import beginning

logger = logging.getLogger("gateway.requests")
# Of a text that a client makes up.
MOST_CHARACTERS = 200
_PLAIN = re.compile(r"[\w.:/+@~#-]+", re.ASCII)


def write_lines(records: Sequence[RequestRecord]) -> None:
    for record in records:
        fields = fields_of(record)
        logger.info("%s", _line(fields), extra={"fields": fields})


def fields_of(record: RequestRecord) -> dict[str, Any]:
    """What is not known of it is left out. `client`: the number of its token."""
    found: dict[str, Any] = {
        "request_id": record.id,
        "client": record.client_id,
        "address": record.address,
        "method": beginning(record.method, MOST_CHARACTERS),
        "endpoint": record.endpoint,
        "model": beginning(record.model, MOST_CHARACTERS),
        "group": beginning(record.group, MOST_CHARACTERS),
        "status": record.status,
        "outcome": record.outcome.value,
        "error": record.error,
        "first_byte_ms": _ms(record.first_byte_seconds),
        "ms": _ms(record.seconds),
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        **{f"{name}_tokens": number for name, number in record.llm_tokens._asdict().items()},
        "cost_micros": record.cost_micros,
        "attempts": [_attempt(attempt) for attempt in record.attempts],
    }
    return {name: value for name, value in found.items() if value or name == "status"}


def _attempt(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "key": attempt.key_name or f"#{attempt.key_id}",
        "group": attempt.group,
        "verdict": attempt.verdict,
        "status": attempt.status,
        "ms": _ms(attempt.seconds),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _line(fields: dict[str, Any]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in fields.items())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_words_of(value))
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _words_of(attempts: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in attempts:
        yield f"{_text(each['key'])}:{each['verdict']}:{each['status']}:{each['ms']}ms"
