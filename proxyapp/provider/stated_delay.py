"""How long a provider asks to wait: in a header, in a field of the body, or in the words of its
message.

None stands for everything that states no delay, however odd. What states one is between 0 and a
day.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from proxyapp.vocabulary.asgi import Header

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=1)

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_WORDS = {"milliseconds": "ms", "seconds": "s", "minutes": "m", "hours": "h", "days": "d"}
_ABBREVIATIONS = {"sec": "s", "secs": "s", "min": "m", "mins": "m", "hr": "h", "hrs": "h"}
_PART = re.compile(
    r"(\d++(?:\.\d*+)?) ?([a-zµ]++)(?:,? and |, ?| (?=\d))?", re.ASCII | re.IGNORECASE
)
_PARTS = 8
# "retry in", "again in", "reset after", "available in", "wait": without their first letters, which
# may be capitals, so that a search can leap to letters which are the same each time.
_ANNOUNCED = tuple(
    re.compile(rf"{letters}(?: in| after| for)?:? (?:about )?(?=[0-9])")
    for letters in ("etry", "gain", "esets?", "vailable", "ait")
)
_BARE_SECONDS = re.compile(r"\d+(?:\.\d*)?", re.ASCII)
_LONGEST_HEADER = 64


def bounded(delay: timedelta) -> timedelta:
    """What is waited for a stated delay: not so short that it is no wait, not longer than a day."""
    return min(max(delay, SHORTEST), LONGEST)


def duration(value: object) -> timedelta | None:
    """A `google.protobuf.Duration` as JSON writes it ("58s"), as a message does ("5h3m57.7s"), or
    taken apart.
    """
    if isinstance(value, str):
        delay = _in_words(value, 0)
        return _of_seconds(value.strip()) if delay is None else delay
    if isinstance(value, dict):
        return _of_seconds(value.get("seconds"))
    return _of_seconds(value)


def stated_in(message: str) -> timedelta | None:
    """The longest that the message names: "Please retry in 45m28s", "try again in 1 minute and 5
    seconds".
    """
    found = [
        _in_words(message, match.end())
        for pattern in _ANNOUNCED
        for match in pattern.finditer(message)
    ]
    return max((delay for delay in found if delay is not None), default=None)


def retry_after(headers: Sequence[Header], now: datetime) -> timedelta | None:
    """RFC 9110, 10.2.3, seconds with a fraction, and `retry-after-ms`, which is more exact.

    Already bounded: a date may lie in the past.
    """
    for wanted, unit in ((b"retry-after-ms", "ms"), (b"retry-after", "")):
        for name, value in headers:
            if len(name) == len(wanted) and name.lower() == wanted:
                delay = _told(value, unit, now)
                if delay is not None:
                    return bounded(delay)
    return None


def _told(value: bytes, unit: str, now: datetime) -> timedelta | None:
    if len(value) > _LONGEST_HEADER:
        return None
    text = value.decode("latin-1").strip()
    return duration(text + unit) if _BARE_SECONDS.fullmatch(text) else until_date(text, now)


def _in_words(text: str, start: int) -> timedelta | None:
    """Number and unit, again and again, up to the first thing that is neither.

    A bare number states nothing.
    """
    seconds, position = None, start
    for _ in range(_PARTS):
        part = _PART.match(text, position)
        unit = None if part is None else _unit(part[2].lower())
        if part is None or unit is None:
            break
        seconds = (seconds or 0.0) + float(part[1]) * unit
        position = part.end()
    return None if seconds is None else _of_seconds(seconds)


def _unit(name: str) -> float | None:
    short = _ABBREVIATIONS.get(name) or _WORDS.get(name) or _WORDS.get(name + "s") or name
    return _SECONDS.get(short)


def _of_seconds(value: object) -> timedelta | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _BARE_SECONDS.fullmatch(value):
        return None
    try:
        seconds = float(value)
    except OverflowError:  # an int that is larger than any float
        return LONGEST if int(value) > 0 else None
    if math.isnan(seconds) or seconds < 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def until_date(text: str, now: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
