"""What operators see of keys: state, cooldowns and usage.

Two queries, however many keys there are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from proxyapp.models import ApiKey, RateLimitEvent, key_state
from proxyapp.models.key_state import ROTATION_ORDER
from proxyapp.operators.key_exits import NAMES_A_WAY, NO_EXIT, KeyExits, ShownExit
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.shown_times import countdown_text
from proxyapp.vocabulary.times import iso_utc, local_text

# By the names of a row: what its key's total has, of all hours and days that are kept.
TOTALS = {
    "requests": ("total__requests",),
    "rate_limited": ("total__rate_limited",),
    "errors": ("total__client_errors", "total__upstream_errors"),
    "prompt_tokens": ("total__prompt_tokens",),
    "output_tokens": ("total__output_tokens",),
    "cached_tokens": ("total__cached_tokens",),
    "thought_tokens": ("total__thought_tokens",),
    "tool_use_tokens": ("total__tool_use_tokens",),
}


@dataclass(frozen=True, slots=True)
class ShownCooldown:
    """`model` is None when the key is out for every model."""

    model: str | None
    until: datetime
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "until": iso_utc(_whole_seconds(self.until)),
            "reason": self.reason,
        }

    def describe(self, now: datetime) -> str:
        """`cooling until 2026-11-24 07:00 UTC (in 3 h 12 min)`, behind the model if it is one's."""
        text = (
            _("%(model)s cooling until %(until)s (in %(left)s)")
            if self.model
            else _("cooling until %(until)s (in %(left)s)")
        )
        return text % {
            "model": self.model,
            "until": local_text(self.until),
            "left": countdown_text(self.until, now),
        }


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`cooldowns`: that of the whole key first, then one a model. Errors are all refusals but rate
    limits.

    `is_unreadable`: no secret opens it, and `exit`, as far as that was looked at.
    """

    id: int
    name: str
    group: str
    masked: str
    state: KeyState
    cooldowns: Sequence[ShownCooldown]
    requests: int
    rate_limited: int
    errors: int
    prompt_tokens: int
    output_tokens: int
    cached_tokens: int
    thought_tokens: int
    tool_use_tokens: int
    last_used_at: datetime | None
    is_unreadable: bool
    status_reason: str = ""
    exit: ShownExit = NO_EXIT

    def as_json(self) -> dict[str, Any]:
        """The contract of `manage.py keys list --json`. `exit` is there where a proxy is named."""
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
            "cached_tokens": self.cached_tokens,
            "thought_tokens": self.thought_tokens,
            "tool_use_tokens": self.tool_use_tokens,
            "last_used_at": iso_utc(self.last_used_at) if self.last_used_at else None,
            **({"exit": self.exit.text} if self.exit.text else {}),
        }

    def describe_state(self, now: datetime) -> list[str]:
        """The state with its countdown, then a line for each model that is cooling on its own."""
        if not self.state.is_in_rotation:
            return [self.state]
        lines = [cooldown.describe(now) for cooldown in self.cooldowns]
        return lines if self.state == KeyState.COOLING else [self.state, *lines]

    @property
    def whole(self) -> ShownCooldown | None:
        """The cooldown for every model."""
        return next((cooldown for cooldown in self.cooldowns if cooldown.model is None), None)


def key_report(
    keys: QuerySet[ApiKey], now: datetime, *, finds_unreadable: bool = False
) -> list[KeyRow]:
    """One row a key, in the order of rotation.

    `keys` must not be sliced. `finds_unreadable`: decrypts each key.
    """
    columns = (
        "id",
        "name",
        "project",
        "group__name",
        "group__enabled",
        "group__off_until",
        "masked",
        "status",
        "status_reason",
        "last_used_at",
        *(column for columns in TOTALS.values() for column in columns),
        *(["secret", "proxy_url", "group_id", "names_a_way"] if finds_unreadable else []),
    )
    cooldowns, exits = _cooldowns(keys, now), KeyExits() if finds_unreadable else None
    return [
        _row(fields, cooldowns.of(fields["id"], fields["project"]), exits, now)
        for fields in keys.annotate(names_a_way=NAMES_A_WAY)
        .order_by(*ROTATION_ORDER)
        .values(*columns)
    ]


def _whole_seconds(moment: datetime) -> datetime:
    """Rounded up: who waits until then does not come too early."""
    return (
        moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)
    )


def _status(fields: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """And why: a key of a group that is off is disabled, whoever else would say so."""
    until, status = fields["group__off_until"], fields["status"]
    is_off = not fields["group__enabled"] or (until is not None and until > now)
    if status != KeyStatus.ACTIVE or not is_off:
        return status, fields["status_reason"]
    return KeyStatus.DISABLED, off_text(enabled=fields["group__enabled"], until=until)


def off_text(*, enabled: bool, until: datetime | None) -> str:
    if enabled and until is not None:
        return _("its group is off until %(until)s") % {"until": local_text(until)}
    return _("its group is off")


def _row(
    fields: Mapping[str, Any],
    cooldowns: Sequence[ShownCooldown],
    exits: KeyExits | None,
    now: datetime,
) -> KeyRow:
    status, reason = _status(fields, now)
    is_cooling = any(cooldown.model is None for cooldown in cooldowns)
    return KeyRow(
        id=fields["id"],
        name=fields["name"],
        group=fields["group__name"],
        masked=fields["masked"],
        state=key_state.key_state_of(status, is_cooling=is_cooling),
        cooldowns=cooldowns,
        last_used_at=fields["last_used_at"],
        status_reason=reason,
        is_unreadable="secret" in fields and not fields["secret"],
        exit=exits.of(
            fields["group_id"],
            fields["secret"] or "",
            fields["proxy_url"],
            names_a_way=fields["names_a_way"],
        )
        if exits is not None
        else NO_EXIT,
        **{
            name: sum(fields[column] or 0 for column in columns) for name, columns in TOTALS.items()
        },
    )


class _Cooldowns:
    """Those of keys and those of projects, by model.

    Of several for one model, the one that ends last.
    """

    def __init__(self) -> None:
        self._of_keys: dict[int, dict[str, ShownCooldown]] = defaultdict(dict)
        self._of_projects: dict[str, dict[str, ShownCooldown]] = defaultdict(dict)

    def add(self, key_id: int, project: str, cooldown: ShownCooldown) -> None:
        """In the order in which they end."""
        model = cooldown.model or ""
        self._of_keys[key_id][model] = cooldown
        if project:
            self._of_projects[project][model] = cooldown

    def of(self, key_id: int, project: str) -> list[ShownCooldown]:
        """What holds a key of this project: that of every model first."""
        own = self._of_keys.get(key_id, {})
        shared = self._of_projects.get(project, {})
        longest = sorted([*own.items(), *shared.items()], key=lambda item: item[1].until)
        return [cooldown for _, cooldown in sorted(dict(longest).items())]


def _cooldowns(keys: QuerySet[ApiKey], now: datetime) -> _Cooldowns:
    events = RateLimitEvent.objects.active(now).of_keys(keys).order_by("cooling_until", "id")
    cooldowns = _Cooldowns()
    for key_id, project, model, until, kind in events.values_list(
        "key_id", "project", "model", "cooling_until", "kind"
    ):
        cooldowns.add(key_id, project, ShownCooldown(model or None, until, kind))
    return cooldowns
