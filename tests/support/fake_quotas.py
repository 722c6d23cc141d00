"""Google's quotas by project and model, and the bodies that refuse more.

Requests are counted per minute and per day. Time is a parameter, in seconds since the epoch, so
that a simulator drives the quotas with a clock of its own. How Google cuts its minutes is not
public; here a minute slides: a request counts for the 60 seconds after it.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
MINUTE_SECONDS = 60.0
MICROSECONDS = 1_000_000

REQUESTS = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
INPUT_TOKENS = "generativelanguage.googleapis.com/generate_content_free_tier_input_token_count"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
TOKENS_PER_MINUTE = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
RATE_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits"
EXCEEDED = (
    "You exceeded your current quota, please check your plan and billing details. For more"
    f" information on this error, head to: {RATE_LIMITS}. To monitor your current usage, head to:"
    " https://ai.dev/rate-limit. "
)
HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [{"description": "Learn more about Gemini API quotas", "url": RATE_LIMITS}],
}


@dataclass(frozen=True)
class Limits:
    """Requests that a project has for a model.

    A 0 in either place: the project has no quota for it at all.
    """

    per_minute: int
    per_day: int


class Quota(NamedTuple):
    """A quota as a refusal names it."""

    metric: str
    quota_id: str
    limit: int


NO_QUOTA = [
    Quota(REQUESTS, PER_DAY, 0),
    Quota(REQUESTS, PER_MINUTE, 0),
    Quota(INPUT_TOKENS, TOKENS_PER_MINUTE, 0),
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`retry_seconds`: what the native body says.

    `reset_seconds`: until the day ends in California.
    """

    status: ClassVar[int] = 429

    model: str
    limits: Limits
    is_minute: bool
    is_day: bool
    retry_seconds: float
    reset_seconds: float

    @property
    def has_no_quota(self) -> bool:
        """Waiting never helps."""
        return not (self.limits.per_minute and self.limits.per_day)

    @property
    def body(self) -> dict[str, Any]:
        """In the form of the native API.

        It is built on demand, because a simulator refuses millions of times.
        """
        quotas = self._quotas()
        lines = [
            f"* Quota exceeded for metric: {each.metric}, limit: {each.limit}, model: {self.model}"
            for each in quotas
        ]
        message = "\n".join([EXCEEDED, *lines, f"Please retry in {spelled(self.retry_seconds)}."])
        violations = [self._violation(quota) for quota in quotas]
        details = [
            HELP,
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations},
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{int(self.retry_seconds)}s",
            },
        ]
        return {
            "error": {
                "code": self.status,
                "message": message,
                "status": "RESOURCE_EXHAUSTED",
                "details": details,
            }
        }

    @property
    def interactions_body(self) -> dict[str, Any]:
        """In the form of the interactions.

        The window is told by the message only, and so is an honest delay.
        """
        limit, window = (
            (self.limits.per_day, "day") if self.is_day else (self.limits.per_minute, "minute")
        )
        delay = spelled(int(self.reset_seconds if self.is_day else self.retry_seconds))
        message = (
            f"Rate limit exceeded for model {self.model} (limit: {limit} requests per {window} on"
            f" Free Tier). Please retry in {delay} or upgrade your tier at"
            " https://ai.dev/rate-limit."
        )
        return {"error": {"message": message, "code": "too_many_requests"}}

    def _quotas(self) -> list[Quota]:
        if self.has_no_quota:
            return NO_QUOTA
        minute = [Quota(REQUESTS, PER_MINUTE, self.limits.per_minute)] if self.is_minute else []
        day = [Quota(REQUESTS, PER_DAY, self.limits.per_day)] if self.is_day else []
        return minute + day

    def _violation(self, quota: Quota) -> dict[str, Any]:
        named = {"quotaMetric": quota.metric, "quotaId": quota.quota_id}
        # Google leaves out a value of 0, as JSON made from protocol buffers does.
        value = {"quotaValue": str(quota.limit)} if quota.limit else {}
        return {**named, "quotaDimensions": {"location": "global", "model": self.model}, **value}


class Quotas:
    """Counts, by (project, model), what was `answered` and `refused` from the beginning on.

    `limits` by model: a model without any is unlimited. `projects` by key: a key without one is its
    own project.
    """

    def __init__(self, limits: Mapping[str, Limits], projects: Mapping[str, str]) -> None:
        self._limits = dict(limits)
        self._projects = dict(projects)
        self._by_project: dict[tuple[str, str], _Windows] = {}
        self._by_key: dict[tuple[str, str], _Windows] = {}
        self._day_starts = self._day_ends = 0.0
        self.answered: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()

    def ask(self, key: str, model: str, now: float) -> Refusal | None:
        """None: the request was counted and is answered. `now` never goes back within a minute."""
        if not self._day_starts <= now < self._day_ends:
            self._start_day(now)
        windows = self._by_key.get((key, model)) or self._find(key, model)
        refusal = windows.take(now, self._day_ends)
        (self.refused if refusal else self.answered)[windows.name] += 1
        return refusal

    def remaining_today(self, project: str, model: str, now: float) -> int | None:
        """Requests until the day's limit; None: there is no limit.

        The minute is left out of account.
        """
        limits = self._limits.get(model)
        if limits is None:
            return None
        windows = self._by_project.get((project, model))
        is_today = self._day_starts <= now < self._day_ends
        return limits.per_day - (windows.used_today if windows and is_today else 0)

    def _start_day(self, now: float) -> None:
        self._day_starts, self._day_ends = day_of(now)
        for windows in self._by_project.values():
            windows.used_today = 0

    def _find(self, key: str, model: str) -> "_Windows":
        name = (self._projects.get(key, key), model)
        windows = self._by_project.setdefault(name, _Windows(name, self._limits.get(model)))
        self._by_key[key, model] = windows
        return windows


class _Windows:
    """The minute and the day of one project and model."""

    __slots__ = ("_leaving", "_limits", "name", "used_today")

    def __init__(self, name: tuple[str, str], limits: Limits | None) -> None:
        self.name = name
        self._limits = limits
        self._leaving: deque[float] = deque()
        self.used_today = 0

    def take(self, now: float, day_ends: float) -> Refusal | None:
        limits, leaving = self._limits, self._leaving
        if limits is None:
            return None
        while leaving and leaving[0] <= now:
            leaving.popleft()
        is_minute = len(leaving) >= limits.per_minute
        is_day = self.used_today >= limits.per_day
        if is_minute or is_day:
            # Beside a day Google names a delay below a minute, which says nothing: here the rest of
            # the clock's minute.
            is_misleading = is_day or not leaving
            retry_seconds = (
                MINUTE_SECONDS - now % MINUTE_SECONDS if is_misleading else leaving[0] - now
            )
            return Refusal(self.name[1], limits, is_minute, is_day, retry_seconds, day_ends - now)
        leaving.append(now + MINUTE_SECONDS)
        self.used_today += 1
        return None


def day_of(now: float) -> tuple[float, float]:
    """The midnights in California around `now`: 23 or 25 hours apart where the clocks change."""
    today = datetime.fromtimestamp(now, PACIFIC).date()
    return _midnight(today), _midnight(today + timedelta(days=1))


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), PACIFIC).timestamp()


def spelled(seconds: float) -> str:
    """As Go, and so Google, writes durations: `650.5ms`, `33.6s`, `45m28s`, `17h13m6s`."""
    total = round(seconds * MICROSECONDS)
    if 0 < total < MICROSECONDS:
        return f"{_shortest(total / 1000)}ms"
    minutes, rest = divmod(total, 60 * MICROSECONDS)
    hours, minutes = divmod(minutes, 60)
    before = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{before}{_shortest(rest / MICROSECONDS)}s"


def _shortest(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")
