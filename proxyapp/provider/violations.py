"""Which quotas a refusal says were exceeded: in its details, and in the lines of its message."""

import re
from dataclasses import dataclass, replace
from enum import Enum

from proxyapp.provider.tolerant_json import Object, clean, objects_in

MOST_VIOLATIONS = 256

_NUMBER = r"(\d{1,15}(?:,\d{3}){0,5})(?![.,]?\d)"
_EXCEEDED = re.compile(
    rf"exceeded for metric: ?([\w./-]{{1,200}}), limit: ?{_NUMBER}(?:, model: ?([\w./-]{{1,100}}))?"
)
_LIMIT = re.compile(rf"[Ll]imit(?:: ?|=| ){_NUMBER}")
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


class QuotaWindow(Enum):
    MINUTE = "minute"
    DAY = "day"
    OTHER = "other"


_WINDOWS = dict.fromkeys(("s", "sec", "m", "min"), QuotaWindow.MINUTE) | dict.fromkeys(
    ("d", "day", "dai"), QuotaWindow.DAY
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One quota that was exceeded, wherever the body names it. `stated`: the limit where it stands
    in the details, in which no words of a client come back.
    """

    quota_id: str = ""
    metric: str = ""
    limit: str = ""
    model: str = ""
    unit: str = ""
    stated: str = ""

    @property
    def words(self) -> str:
        return f"{self.quota_id} {self.metric} {self.unit}"

    @property
    def windows(self) -> frozenset[QuotaWindow]:
        return windows_in(self.words)

    @property
    def is_zero(self) -> bool:
        return "0" in self.limit and not self.limit.strip("0.")


def windows_in(text: str) -> frozenset[QuotaWindow]:
    found = (
        match[match.lastindex or 0]
        for pattern in _WINDOWS_NAMED
        for match in pattern.finditer(text)
    )
    return frozenset(_WINDOWS.get(name.lower()[:3], QuotaWindow.OTHER) for name in found)


def violations_in(
    details: list[Object], infos: list[Object], message: str
) -> tuple[Violation, ...]:
    """The details have ids, the message's lines have limits: put together where both name a metric,
    in their order.
    """
    lines = [Violation("", *found.groups("")) for found in _EXCEEDED.finditer(message)]
    named = [
        _violation(item) for detail in details for item in objects_in(detail.get("violations"))
    ]
    named += [
        _of_metadata(item)
        for info in infos
        for item in objects_in(info.get("metadata"))
        if "quota_limit" in item
    ]
    violations = []
    for violation in named[:MOST_VIOLATIONS]:
        line = next((line for line in lines if line.metric == violation.metric), None)
        if line is not None:
            lines.remove(line)
            limit, model = violation.limit or line.limit, violation.model or line.model
            violation = replace(violation, limit=limit, model=model)
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
        stated=_limit(item.get("quotaValue")),
        model=clean(dimensions.get("model")) if isinstance(dimensions, dict) else "",
        unit=clean(item.get("description")),
    )


def _of_metadata(item: Object) -> Violation:
    return Violation(
        quota_id=clean(item.get("quota_limit")),
        metric=clean(item.get("quota_metric")),
        limit=_limit(item.get("quota_limit_value")),
        stated=_limit(item.get("quota_limit_value")),
        unit=clean(item.get("quota_unit")),
    )


def _limit(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value) if abs(value) < 1e15 else ""
    return clean(value, 32)
