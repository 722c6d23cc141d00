"""When limits that are used up are full again, as an answer's headers have it.

    anthropic-ratelimit-tokens-remaining: 0   anthropic-ratelimit-tokens-reset: 2026-01-01T00:01:00Z
    x-ratelimit-remaining-tokens: 0           x-ratelimit-reset-tokens: 6m0s
    x-ratelimit-remaining: 0                  x-ratelimit-reset: 1767225600000

OpenAI, Azure and Groq write durations, Cerebras seconds, OpenRouter milliseconds since the epoch. A
limit of which something is left says nothing: it is not the one that was met.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from proxyapp.provider.stated_delay import LONGEST, bounded, duration, until_date
from proxyapp.vocabulary.asgi import Header

_REMAINING = re.compile(rb"(?:x-|anthropic-)?ratelimit-(?:[\w-]{1,40}-)?remaining(?:-[\w-]{1,40})?")
_NOTHING = re.compile(rb"-\d{1,15}|0+(?:\.0*)?")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,9})?")
_LONGEST_VALUE = 64
# What no number of seconds to wait is: the years from 2001 on, in seconds and in milliseconds.
_SECONDS_OF_2001 = 1e9
_MILLISECONDS_OF_2001 = 1e12


def full_again(headers: Sequence[Header], now: datetime) -> timedelta | None:
    """The longest of those that are used up; None if there is none that says when.

    Already bounded: a time may lie in the past.
    """
    values = {name.lower(): value for name, value in headers if b"ratelimit" in name.lower()}
    delays = [
        _delay(values.get(name.replace(b"remaining", b"reset"), b""), now)
        for name, value in values.items()
        if _REMAINING.fullmatch(name) and _NOTHING.fullmatch(value.strip())
    ]
    known = [delay for delay in delays if delay is not None]
    return bounded(max(known)) if known else None


def _delay(value: bytes, now: datetime) -> timedelta | None:
    text = value.decode("latin-1").strip()
    if not text or len(text) > _LONGEST_VALUE:
        return None
    if _NUMBER.fullmatch(text):
        return _of_number(float(text), now)
    return _until_timestamp(text, now) or duration(text) or until_date(text, now)


def _of_number(number: float, now: datetime) -> timedelta:
    if number < _SECONDS_OF_2001:
        return timedelta(seconds=min(number, LONGEST.total_seconds()))
    seconds = number / 1000 if number >= _MILLISECONDS_OF_2001 else number
    return timedelta(seconds=seconds - now.timestamp())


def _until_timestamp(text: str, now: datetime) -> timedelta | None:
    """RFC 3339."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
