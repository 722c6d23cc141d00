"""What operators see of keys: state, cooldowns and usage. Three queries, however many keys there are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum

from proxyapp import keystate
from proxyapp.models import ApiKey, HourlyUsage, KeyStatus, RateLimitEvent

ROTATION_ORDER = ("group__position", "group_id", "position", "id")
SUMS = {
    "requests": Sum("requests"),
    "rate_limited": Sum("rate_limited"),
    "errors": Sum(F("client_errors") + F("upstream_errors")),
    "prompt_tokens": Sum("prompt_tokens"),
    "output_tokens": Sum("output_tokens"),
}


@dataclass(frozen=True, slots=True)
class Cooldown:
    """`model` is None when the key is out for every model."""

    model: str | None
    until: datetime
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"model": self.model, "until": iso_utc(_whole_seconds(self.until)), "reason": self.reason}

    def describe(self, now: datetime) -> str:
        """`cooling until 2026-11-24 07:00 UTC (in 3 h 12 min)`, with the model in front when it is only one."""
        text = f"cooling until {utc_text(self.until)} (in {countdown(self.until, now)})"
        return f"{self.model} {text}" if self.model else text


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`cooldowns`: that of the whole key first, then one a model. Errors are all refusals but rate limits."""

    id: int
    name: str
    group: str
    masked: str
    state: str
    cooldowns: Sequence[Cooldown]
    requests: int
    rate_limited: int
    errors: int
    prompt_tokens: int
    output_tokens: int
    last_used_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The contract of `manage.py keys list --json`."""
        return {
            "id": self.id,
            "name": self.name,
            "group": self.group,
            "masked": self.masked,
            "state": self.state,
            "cooldowns": [cooldown.as_json() for cooldown in self.cooldowns],
            "requests": self.requests,
            "rate_limited": self.rate_limited,
            "errors": self.errors,
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.output_tokens,
            "last_used_at": iso_utc(self.last_used_at) if self.last_used_at else None,
        }

    def describe_state(self, now: datetime) -> list[str]:
        """The state with its countdown, then a line for each model that is cooling on its own."""
        if self.state in {KeyStatus.DISABLED, KeyStatus.INVALID}:
            return [self.state]
        lines = [cooldown.describe(now) for cooldown in self.cooldowns]
        return lines if self.state == "cooling" else [self.state, *lines]


def key_report(keys: QuerySet[ApiKey], now: datetime) -> list[KeyRow]:
    """One row a key, in the order of rotation. `keys` must not be sliced."""
    columns = ("id", "name", "group__name", "masked", "status", "last_used_at")
    cooldowns = _cooldowns(keys, now)
    sums = _sums(keys)
    return [
        _row(fields, cooldowns.get(fields["id"], ()), sums.get(fields["id"], {}))
        for fields in keys.order_by(*ROTATION_ORDER).values(*columns)
    ]


def in_state(keys: QuerySet[ApiKey], state: str, now: datetime) -> QuerySet[ApiKey]:
    """The keys that are `available`, `cooling`, `disabled` or `invalid` at `now`."""
    if state in {KeyStatus.DISABLED, KeyStatus.INVALID}:
        return keys.filter(status=state)
    cooling = RateLimitEvent.objects.active(now).filter(model="").order_by().values("key_id")
    active = keys.filter(status=KeyStatus.ACTIVE)
    return active.filter(pk__in=cooling) if state == "cooling" else active.exclude(pk__in=cooling)


def utc_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def iso_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def countdown(until: datetime, now: datetime) -> str:
    """`45 s`, `12 min`, `3 h 12 min` or `2 d 3 h`, rounded up: what it says has never passed already."""
    seconds = -((now - until) // timedelta(seconds=1))
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    minutes = -(-seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return _two_units(*divmod(minutes, 60), "h", "min")
    return _two_units(*divmod(-(-minutes // 60), 24), "d", "h")


def _two_units(large: int, small: int, large_unit: str, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def _whole_seconds(moment: datetime) -> datetime:
    """Rounded up: who waits until then does not come too early."""
    return moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)


def _row(fields: Mapping[str, Any], cooldowns: Sequence[Cooldown], sums: Mapping[str, int]) -> KeyRow:
    is_cooling = any(cooldown.model is None for cooldown in cooldowns)
    return KeyRow(
        id=fields["id"],
        name=fields["name"],
        group=fields["group__name"],
        masked=fields["masked"],
        state=keystate.state(fields["status"], is_cooling=is_cooling),
        cooldowns=cooldowns,
        last_used_at=fields["last_used_at"],
        **{name: sums.get(name, 0) for name in SUMS},
    )


def _cooldowns(keys: QuerySet[ApiKey], now: datetime) -> Mapping[int, list[Cooldown]]:
    """By key id. Of several cooldowns of one key and model, the one that ends last."""
    events = RateLimitEvent.objects.active(now).filter(key__in=_ids(keys)).order_by("model", "cooling_until")
    longest: dict[tuple[int, str], Cooldown] = {}
    for key_id, model, until, kind in events.values_list("key_id", "model", "cooling_until", "kind"):
        longest[key_id, model] = Cooldown(model or None, until, kind)
    by_key: dict[int, list[Cooldown]] = defaultdict(list)
    for (key_id, _), cooldown in longest.items():
        by_key[key_id].append(cooldown)
    return by_key


def _sums(keys: QuerySet[ApiKey]) -> dict[int, dict[str, int]]:
    usage = HourlyUsage.objects.filter(key__in=_ids(keys)).order_by().values("key_id").annotate(**SUMS)
    return {sums["key_id"]: sums for sums in usage}


def _ids(keys: QuerySet[ApiKey]) -> Any:
    """As a subquery: 10,000 parameters would be slow, and too many for some databases."""
    return keys.order_by().values("pk")
