"""What an upstream's refusal means, for which keys and until when.

The only place that judges one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from proxyapp.provider.doubts import Doubt, doubt_of, quota_words, scope_of
from proxyapp.provider.excerpts import brief
from proxyapp.provider.features import feature_of_quota
from proxyapp.provider.kind_spec import KindSpec, Retry, Scope, Until
from proxyapp.provider.kinds import SPECS, Kind
from proxyapp.provider.model_name import model_of
from proxyapp.provider.refusal import Refusal, read_refusal
from proxyapp.provider.refusal_rules import kind_of
from proxyapp.provider.refusal_words import BILLED_KEY_PASSES
from proxyapp.provider.request_use import UNKNOWN_USE, RequestUse
from proxyapp.provider.reset_headers import full_again
from proxyapp.provider.reset_times import PACIFIC, next_daily_reset, next_reset
from proxyapp.provider.stated_delay import LONGEST, bounded, retry_after
from proxyapp.provider.stated_limits import StatedLimit, stated_limits
from proxyapp.provider.violations import Violation
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.choices import RateLimitPolicy

# Half of the shortest window that a limit may have, a minute; the eighth in a row is an hour.
FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(hours=1)
# Of a key that nothing is proven against: a client may have provoked it.
FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)
ABOUT_QUOTA = re.compile(
    r"(?:rate limit|quota) exceeded|exceeded your (?:current )?quota|resource (?:has been "
    r")?exhausted"
)
# What takes out nothing, or is no limit of the quota's, teaches none.
TEACHING = (Kind.MINUTE, Kind.DAY)
# Google means its day, whatever short delay stands beside it.
GOOGLES = re.compile(
    rb"googleapis\.com|ai\.google\.dev|ai\.dev/|ai\.studio|(?:Free )?Tier \d?\)|upgrade your tier"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`model`: the quota scope; empty means every model. `until`: None takes nothing out by time.

    `message`: what the provider said, not yet without the key that was used. `doubt`: what of the
    request may be the reason. `stated`: the limits that it names, as far as they are the model's.
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
    doubt: Doubt = Doubt.NONE
    stated: tuple[StatedLimit, ...] = ()

    @property
    def needs_proof(self) -> bool:
        """It counts when another key has answered the same request."""
        return self.kind.spec.needs_proof or not self.doubt.is_booked

    @property
    def takes_out(self) -> bool:
        """For a time, or until an operator enables the key."""
        return self.until is not None or self.kind.spec.condemns


def judge(
    *,
    status: int,
    headers: Sequence[Header],
    body: bytes,
    path: bytes,
    model: str,
    policy: str,
    now: datetime,
    strikes: int = 0,
    is_key_in_place: bool = True,
    use: RequestUse = UNKNOWN_USE,
) -> Verdict | None:
    """None: nothing speaks against the answer, and it is relayed.

    `model`: that of the request, or an endpoint such as "/batches"; empty when unknown. `strikes`:
    how often this key was refused for it without a reason. `is_key_in_place`: the key, and nothing
    else, was where the path takes it. `use`: what else of the request may be the reason.
    """
    if policy == RateLimitPolicy.DAILY and status != 429:
        return None
    if status < 400 and not _may_hold_error(body):
        return None
    refusal = read_refusal(body, headers)
    if status < 400 and not refusal.is_error:
        return None
    meant = status if status >= 400 else _status_of(refusal)
    model = model or model_of(path.partition(b"?")[0], b"") or refusal.model
    kind = kind_of(meant, refusal, path, model, is_key_in_place=is_key_in_place, use=use)
    if policy == RateLimitPolicy.DAILY:
        return _of_any_limit(kind, refusal, model, use, now)
    spec = kind.spec
    obeys_header = meant in (429, 503) and spec.obeys_header and not _is_googles_day(spec, body)
    asked = _asked(meant, headers, refusal, now) if obeys_header else None
    decisive = _decisive(spec, refusal)
    words = quota_words(refusal, decisive)
    return Verdict(
        kind=kind,
        scope=spec.scope,
        model=scope_of(model, words, use) if spec.is_for_model else "",
        until=_until(spec, refusal.delay, now, strikes) if asked is None else now + asked,
        retry=_retry(spec, refusal),
        quota_id=decisive.quota_id,
        limit=decisive.limit,
        stated_delay=refusal.delay if asked is None else asked,
        message=brief(refusal.message),
        doubt=doubt_of(spec, refusal, words, use),
        stated=stated_limits(refusal.violations, model)
        if kind in TEACHING and meant == 429
        else (),
    )


def _asked(
    status: int, headers: Sequence[Header], refusal: Refusal, now: datetime
) -> timedelta | None:
    """What the headers ask for; one provider repeats its own in the body."""
    asked = retry_after(headers, now)
    if asked is not None or status != 429:
        return asked
    return full_again(headers, now) or full_again(refusal.headers, now)


def of_the_request(judgement: Verdict) -> Verdict:
    """Instead of a dead key: the key works, so that the request alone was refused."""
    spec = Kind.REQUEST.spec
    return replace(judgement, kind=Kind.REQUEST, scope=spec.scope, until=None, retry=spec.retry)


def of_an_unproven_key(judgement: Verdict, now: datetime, strikes: int) -> Verdict:
    """Instead of a dead key: nobody knows. `strikes`: how often in a row it was so before."""
    spec = Kind.UNPROVEN.spec
    return replace(
        judgement,
        kind=Kind.UNPROVEN,
        scope=spec.scope,
        model="",
        until=_until(spec, None, now, strikes),
        retry=spec.retry,
    )


def effective_status(status: int, body: bytes) -> int:
    """The status that an error inside a successful answer stands for; of all other answers, their
    own.
    """
    if status >= 400 or not _may_hold_error(body):
        return status
    refusal = read_refusal(body)
    return refusal.status if refusal.is_error and refusal.status else status


def _may_hold_error(body: bytes) -> bool:
    """Spares almost every success the parsing."""
    return b"error" in body or body.startswith(b"\x1f\x8b")


def _status_of(refusal: Refusal) -> int:
    """Of an error in a success: if it names none, quota when it says so, else the server's, which
    had begun well.
    """
    return refusal.status or (429 if ABOUT_QUOTA.search(refusal.message.lower()) else 500)


def _of_any_limit(
    kind: Kind, refusal: Refusal, model: str, use: RequestUse, now: datetime
) -> Verdict:
    """A whole key for a day is much: what the body says of the request itself takes out less."""
    if kind is Kind.TOO_LARGE:
        return Verdict(kind, kind.spec.scope, model, None, kind.spec.retry)
    spec = Kind.DAILY.spec
    words = quota_words(refusal, _decisive(kind.spec, refusal))
    feature = feature_of_quota(words)
    doubt = doubt_of(kind.spec, refusal, words, use) if words or refusal.windows else Doubt.NONE
    return Verdict(
        Kind.DAILY,
        spec.scope,
        scope_of(model, words, use) if feature else "",
        _until(spec, None, now, strikes=0),
        spec.retry,
        doubt=doubt if doubt is Doubt.SIZE else Doubt.NONE,
    )


def _is_googles_day(spec: KindSpec, body: bytes) -> bool:
    return spec.is_for_a_day and GOOGLES.search(body) is not None


def doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    return min(first * (1 << min(max(times, 0), 10)), longest)


def first_backoff(kind: str) -> timedelta:
    """The one that each refusal in a row doubles."""
    is_short = kind in SPECS and SPECS[kind].until is Until.SHORT_BACK_OFF
    return FIRST_REST if is_short else FIRST_BACKOFF


def _until(
    spec: KindSpec, stated: timedelta | None, now: datetime, strikes: int
) -> datetime | None:
    match spec.until:
        case Until.STATED_DELAY:
            unstated = timedelta(seconds=spec.unstated_seconds)
            return now + bounded(unstated if stated is None else stated)
        case Until.BACK_OFF:
            backoff = doubled(FIRST_BACKOFF, strikes, LONGEST_BACKOFF)
            return now + min(max(stated or backoff, backoff), LONGEST)
        case Until.SHORT_BACK_OFF:
            return now + doubled(FIRST_REST, strikes, LONGEST_REST)
        case Until.MIDNIGHT:
            return next_reset(now, at=time(0), zone=PACIFIC)
        case Until.DAILY_RESET:
            return next_daily_reset(now)
        case Until.OPERATOR | Until.NOTHING:
            return None


def _retry(spec: KindSpec, refusal: Refusal) -> Retry:
    """A region that is closed to free projects only lets the key of a billed one pass."""
    if spec.retry is Retry.OTHER_GROUP and BILLED_KEY_PASSES.search(refusal.message.lower()):
        return Retry.NEXT_KEY
    return spec.retry


def _decisive(spec: KindSpec, refusal: Refusal) -> Violation:
    """Of several quotas, the one that made the verdict what it is."""
    if spec.is_decisive is None or not refusal.violations:
        return Violation()
    return next(filter(spec.is_decisive, refusal.violations), refusal.violations[0])
