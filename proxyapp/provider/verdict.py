"""What an upstream's refusal means, for which keys and until when.

The only place that judges one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from proxyapp.provider.kinds import BILLED_KEY_PASSES, Kind, kind_of
from proxyapp.provider.model_name import model_of
from proxyapp.provider.refusal import Refusal, read_refusal
from proxyapp.provider.reset_times import next_daily_reset, next_reset
from proxyapp.provider.stated_delay import LONGEST, bounded, retry_after
from proxyapp.provider.tolerant_json import plain
from proxyapp.provider.violations import QuotaWindow, Violation, windows_in
from proxyapp.vocabulary.checks import DIRECTION_MARKS
from proxyapp.vocabulary.choices import RateLimitPolicy
from proxyapp.vocabulary.masking import masked_key

__all__ = [
    "DAY_KINDS",
    "EXCERPT_CHARACTERS",
    "Kind",
    "Retry",
    "Scope",
    "Verdict",
    "effective_status",
    "excerpt",
    "judge",
]

EXCERPT_CHARACTERS = 2000
MESSAGE_CHARACTERS = 300
EXCERPTED_BYTES = 1 << 16
PACIFIC = ZoneInfo("America/Los_Angeles")
MINUTE = timedelta(seconds=60)
FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(hours=1)
KEY_LIKE = re.compile(
    r"AIza[\w-]{20,}|AQ\.(?<![A-Za-z0-9]AQ.)[\w-]{20,}|sk-(?<![A-Za-z0-9]sk-)[\w-]{16,}|ya29\.[\w.-]{16,}",
    re.ASCII,
)
# Controls, and marks that turn the direction of what stands around them.
UNSEEN = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + "".join(DIRECTION_MARKS) + "]")
ABOUT_QUOTA = re.compile(
    r"(?:rate limit|quota) exceeded|exceeded your (?:current )?quota|resource (?:has been "
    r")?exhausted"
)
# Google means its day, whatever short delay stands beside it.
GOOGLES = re.compile(
    rb"googleapis\.com|ai\.google\.dev|ai\.dev/|ai\.studio|(?:Free )?Tier \d?\)|upgrade your tier"
)


class Scope(StrEnum):
    """Whom a verdict concerns."""

    KEY = "key"
    PROJECT = "project"
    GROUP = "group"


class Retry(StrEnum):
    """What may still answer the request. RELAY: nothing, so the client gets the refusal."""

    NEXT_KEY = "next_key"
    OTHER_GROUP = "other_group"
    BACK_OFF = "back_off"
    RELAY = "relay"


# Out until a daily reset.
DAY_KINDS = frozenset({Kind.DAILY, Kind.DAY, Kind.NO_QUOTA, Kind.BILLING, Kind.MODEL_FOR_KEY})
SCOPES = {
    Kind.MINUTE: Scope.PROJECT,
    Kind.DAY: Scope.PROJECT,
    Kind.NO_QUOTA: Scope.PROJECT,
    Kind.BILLING: Scope.PROJECT,
    Kind.EGRESS: Scope.GROUP,
}
RETRIES = {
    Kind.WRONG_KEY: Retry.RELAY,
    Kind.PROXY_FAULT: Retry.RELAY,
    Kind.REQUEST: Retry.RELAY,
    Kind.SERVER: Retry.BACK_OFF,
    Kind.EGRESS: Retry.OTHER_GROUP,
}
QUOTA_KINDS = frozenset({Kind.MINUTE, Kind.DAY, Kind.NO_QUOTA, Kind.UNKNOWN_LIMIT})
# Whatever the model.
FOR_EVERY_MODEL = frozenset({Kind.BILLING, Kind.DEAD_KEY, Kind.PROXY_FAULT, Kind.EGRESS})
TIMED_BY_HEADER = frozenset({Kind.MINUTE, Kind.DAY, Kind.UNKNOWN_LIMIT, Kind.SERVER})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`model`: empty means every model. `until`: None takes nothing out by time; a dead key is
    invalid at once.

    `message`: what the provider said, not yet without the key that was used.
    """

    kind: Kind
    scope: Scope
    model: str
    until: datetime | None
    retry: Retry
    quota_id: str = ""
    limit: str = ""
    stated_delay: timedelta | None = None
    message: str = ""


def judge(
    *,
    status: int,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    path: bytes,
    model: str,
    policy: str,
    now: datetime,
    strikes: int = 0,
    is_key_in_place: bool = True,
) -> Verdict | None:
    """None: nothing speaks against the answer, and it is relayed.

    `model`: that of the request, or an endpoint such as "/batches"; empty when unknown. `strikes`:
    how often this key was refused for it without a reason. `is_key_in_place`: the key, and nothing
    else, was where the path takes it.
    """
    if policy == RateLimitPolicy.DAILY:
        return (
            Verdict(Kind.DAILY, Scope.KEY, "", next_daily_reset(now), Retry.NEXT_KEY)
            if status == 429
            else None
        )
    if status < 400 and not _may_hold_error(body):
        return None
    refusal = read_refusal(body, headers)
    if status < 400 and not refusal.is_error:
        return None
    meant = status if status >= 400 else _status_of(refusal)
    model = model or model_of(path.partition(b"?")[0], b"") or refusal.model
    kind = kind_of(meant, refusal, path, model, is_key_in_place=is_key_in_place)
    is_timed = (
        meant in (429, 503)
        and kind in TIMED_BY_HEADER
        and not (kind is Kind.DAY and GOOGLES.search(body))
    )
    asked = retry_after(headers, now) if is_timed else None
    decisive = _decisive(kind, refusal)
    return Verdict(
        kind=kind,
        scope=SCOPES.get(kind, Scope.KEY),
        model="" if kind in FOR_EVERY_MODEL else model,
        until=now + asked if asked is not None else _until(kind, refusal.delay, now, strikes),
        retry=_retry(kind, refusal),
        quota_id=decisive.quota_id,
        limit=decisive.limit,
        stated_delay=refusal.delay if asked is None else asked,
        message=_brief(refusal.message),
    )


def effective_status(status: int, body: bytes) -> int:
    """The status that an error inside a successful answer stands for; of all other answers, their
    own.
    """
    if status >= 400 or not _may_hold_error(body):
        return status
    refusal = read_refusal(body)
    return refusal.status if refusal.is_error and refusal.status else status


def excerpt(body: bytes, secret: str, masked: str) -> str:
    """The start of a body as text that is safe to store and show: without the key, or anything like
    one.
    """
    text = UNSEEN.sub("\ufffd", plain(body)[:EXCERPTED_BYTES].replace("\x00", ""))
    return _without_keys(text.replace(secret, masked) if secret else text)[:EXCERPT_CHARACTERS]


def _may_hold_error(body: bytes) -> bool:
    """Spares almost every success the parsing."""
    return b"error" in body or body.startswith(b"\x1f\x8b")


def _status_of(refusal: Refusal) -> int:
    """Of an error in a success: if it names none, quota when it says so, else the server's, which
    had begun well.
    """
    return refusal.status or (429 if ABOUT_QUOTA.search(refusal.message.lower()) else 500)


def _until(kind: Kind, stated: timedelta | None, now: datetime, strikes: int) -> datetime | None:
    if kind in DAY_KINDS:
        return next_reset(now, at=time(0), zone=PACIFIC)
    if kind is Kind.MINUTE:
        return now + bounded(MINUTE if stated is None else stated)
    if kind is Kind.UNKNOWN_LIMIT:
        backoff = min(FIRST_BACKOFF * (1 << min(max(strikes, 0), 10)), LONGEST_BACKOFF)
        return now + min(max(stated or backoff, backoff), LONGEST)
    return None


def _retry(kind: Kind, refusal: Refusal) -> Retry:
    """A region that is closed to free projects only lets the key of a billed one pass."""
    if kind is Kind.EGRESS and BILLED_KEY_PASSES.search(refusal.message.lower()):
        return Retry.NEXT_KEY
    return RETRIES.get(kind, Retry.NEXT_KEY)


def _decisive(kind: Kind, refusal: Refusal) -> Violation:
    """Of several quotas, the one that made the verdict what it is."""
    if kind not in QUOTA_KINDS or not refusal.violations:
        return Violation()
    return next(
        (one for one in refusal.violations if _is_decisive(kind, one)), refusal.violations[0]
    )


def _is_decisive(kind: Kind, violation: Violation) -> bool:
    if kind is Kind.NO_QUOTA:
        return violation.is_zero
    return kind is Kind.UNKNOWN_LIMIT or QuotaWindow(kind) in windows_in(violation.words)


def _brief(message: str) -> str:
    """Cut between words, so that no part of a key is left that would no longer be known as one."""
    message = _without_keys(message.strip())
    if len(message) <= MESSAGE_CHARACTERS:
        return message
    words = message[: MESSAGE_CHARACTERS + 1].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else message[:MESSAGE_CHARACTERS]


def _without_keys(text: str) -> str:
    return KEY_LIKE.sub(lambda found: masked_key(found[0]), text)
