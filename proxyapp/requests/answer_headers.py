"""What an answer says of the keys that were asked, if ANSWER_HEADERS says so. Never a key."""

import string
from urllib.parse import quote

from proxyapp.requests.record import RequestRecord
from proxyapp.vocabulary.asgi import Header

KEY, GROUP, MODEL = b"x-gateway-key", b"x-gateway-group", b"x-gateway-model"
ATTEMPTS = b"x-gateway-attempts"
# As it is written; all else of a name is percent-encoded.
PLAIN = string.punctuation + " "


def answer_headers(record: RequestRecord) -> list[Header]:
    """By the last attempt: the key's name, or `#` and its number where it has none."""
    told = {ATTEMPTS: str(len(record.attempts))}
    if record.attempts:
        last = record.attempts[-1]
        told |= {KEY: last.key_name or f"#{last.key_id}", GROUP: last.group, MODEL: last.model}
    return [(name, quote(text, safe=PLAIN).encode()) for name, text in told.items() if text]


def add_answer_headers(record: RequestRecord, answer: list[Header]) -> None:
    """A fallback's model is there already."""
    there = {name for name, _ in answer}
    answer += [header for header in answer_headers(record) if header[0] not in there]
