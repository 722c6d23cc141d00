"""What a group's keys did since midnight, UTC."""

from datetime import UTC, datetime, time
from typing import NamedTuple

from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from proxyapp.models import HourlyUsage

COLUMNS = ("requests", "rate_limited", "client_errors", "upstream_errors")


class GroupTraffic(NamedTuple):
    """Attempts at the upstream; a client's request may be several."""

    requests: int
    rate_limited: int
    client_errors: int
    upstream_errors: int

    def told(self) -> str:
        return _(
            "Today (since 00:00 UTC): %(requests)s requests to the target, %(rate_limited)s refused"
            " with 429, %(client_errors)s with another 4xx, %(upstream_errors)s failed there or on"
            " the way."
        ) % {name: f"{count:,}" for name, count in self._asdict().items()}


def traffic_of(group_id: int, now: datetime) -> GroupTraffic:
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    rows = HourlyUsage.objects.filter(key__group_id=group_id, hour__gte=midnight)
    sums = rows.aggregate(**{f"all_{name}": Coalesce(Sum(name), 0) for name in COLUMNS})
    return GroupTraffic(*(int(sums[f"all_{name}"]) for name in COLUMNS))
