"""The channels, as the database has them, and what is written of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from django.db import transaction

from proxyapp.alerts import duty
from proxyapp.alerts.quiet_hours import is_quiet, zone_of
from proxyapp.alerts.story import Peace, Story
from proxyapp.models import AlertChannel
from proxyapp.operators.alert_items import AlertItem
from proxyapp.vocabulary.alert_fields import kinds_of
from proxyapp.vocabulary.alert_kinds import DANGER, KINDS

AWAY = "database_away"


@dataclass(slots=True)
class Channel:
    """`url` None: no secret opens it."""

    id: int
    name: str
    url: str | None = field(repr=False)
    kinds: frozenset[str]
    level: str
    peace_hours: str
    zone: tzinfo
    urgent_passes: bool
    thresholds: dict[str, int]
    story: Story

    def wants(self, item: AlertItem) -> bool:
        is_enough = item.value >= self.thresholds.get(item.kind, 0)
        return item.kind in self.kinds and is_enough and self.level in (item.level, "warning")

    def peace(self, now: datetime) -> Peace:
        return Peace(is_quiet(self.peace_hours, self.zone, now), self.urgent_passes)

    def hears_of_outages(self, now: datetime) -> bool:
        return AWAY in self.kinds and not self.peace(now).holds(DANGER)


class DutyLost(Exception):
    """Another process looks and sends now."""


def read_channels() -> list[Channel]:
    """Those that are on."""
    return [_channel(row) for row in AlertChannel.objects.filter(is_on=True).order_by("id")]


def save_stories(channels: Iterable[Channel], mine: datetime) -> None:
    """Raises DutyLost."""
    with transaction.atomic():
        if not duty.holds(mine):
            raise DutyLost
        for channel in channels:
            AlertChannel.objects.filter(pk=channel.id).update(story=channel.story.as_json())


def save_outcomes(outcomes: Sequence[tuple[Channel, str]], mine: datetime, now: datetime) -> None:
    """With each channel what went wrong, or nothing. Raises DutyLost."""
    with transaction.atomic():
        if not duty.holds(mine):
            raise DutyLost
        for channel, problem in outcomes:
            sent = {} if problem else {"sent_at": now}
            AlertChannel.objects.filter(pk=channel.id).update(
                story=channel.story.as_json(), problem=problem, **sent
            )


def _channel(row: AlertChannel) -> Channel:
    return Channel(
        row.pk,
        row.name,
        row.url or None,
        frozenset(kinds_of(row.kinds) or KINDS),
        row.level,
        row.quiet_hours,
        zone_of(row.time_zone),
        row.urgent_passes,
        {"error_rate": row.error_percent, "slow": row.slow_seconds},
        Story.of_json(row.story),
    )
