"""Cooldowns on their way to the database. The only place that writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from proxyapp.models import ApiKey, RateLimitEvent
from proxyapp.rotation import raise_pool_version


@dataclass(frozen=True, slots=True)
class Cooldown:
    key_id: int
    model: str
    kind: str
    http_status: int
    occurred_at: datetime
    until: datetime
    excerpt: str


def write_cooldowns(cooldowns: Sequence[Cooldown]) -> int:
    """One transaction for all; keys that are gone are skipped. Returns the pool's version that includes them."""
    with transaction.atomic():
        known = set(ApiKey.objects.filter(pk__in={c.key_id for c in cooldowns}).values_list("pk", flat=True))
        RateLimitEvent.objects.bulk_create([_event(c) for c in cooldowns if c.key_id in known])
        return raise_pool_version()


def _event(cooldown: Cooldown) -> RateLimitEvent:
    return RateLimitEvent(
        key_id=cooldown.key_id,
        model=cooldown.model,
        kind=cooldown.kind,
        http_status=cooldown.http_status,
        occurred_at=cooldown.occurred_at,
        cooling_until=cooldown.until,
        excerpt=cooldown.excerpt,
    )
