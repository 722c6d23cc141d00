"""Cooldowns on their way to the database. The only place that writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from proxyapp.database.clock import database_time
from proxyapp.models import ApiKey, ClientToken, RateLimitEvent
from proxyapp.pool import change_log
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import lock_pool, raise_pool_version, raise_version
from proxyapp.pool.event_rows import NewEvent, insert_events, known_keys
from proxyapp.pool.learned_limits import Learned
from proxyapp.pool.learned_rows import write_learned
from proxyapp.provider.kind_sets import CONDEMNING_KINDS
from proxyapp.vocabulary.choices import KeyStatus

# The length of the column `status_reason`.
REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class NewCooldown:
    """`project`: its keys are all out; empty: only the key.

    `model`: the quota scope, by its name in the database and the spool. `until`: of a dead key when
    that was found. `key_hash`: the secret that was refused, which may have been replaced since.
    `reason`: what the provider said. `learned`: the limits that it named.
    `request_id`: of the request that was refused.
    """

    key_id: int
    model: str
    kind: str
    http_status: int
    occurred_at: datetime
    until: datetime
    excerpt: str
    project: str = ""
    quota_id: str = ""
    quota_limit: str = ""
    stated_delay_seconds: float | None = None
    key_hash: str = ""
    client_id: int | None = None
    reason: str = ""
    learned: tuple[Learned, ...] = ()
    request_id: str = ""

    @property
    def is_of_dead_key(self) -> bool:
        return self.kind in CONDEMNING_KINDS


class Restart(NamedTuple):
    """Of a cooldown whose time is a clock's error."""

    event_id: int
    occurred_at: datetime
    until: datetime


def restart_cooldowns(restarts: Sequence[Restart], now: datetime) -> int:
    """How many begin now; of several processes one does it."""
    with transaction.atomic():
        lock_pool()
        restarted = sum(
            RateLimitEvent.objects.filter(pk=each.event_id, occurred_at=each.occurred_at).update(
                occurred_at=now, cooling_until=each.until
            )
            for each in restarts
        )
        if restarted:
            raise_pool_version()
    return restarted


def write_cooldowns(cooldowns: Sequence[NewCooldown]) -> int:
    """One transaction for all, in the database's time; keys that are gone are skipped.

    Returns the pool's version that includes them.
    """
    with transaction.atomic(savepoint=False):
        version = raise_version()
        known = known_keys(cooldown.key_id for cooldown in cooldowns)
        clients = _clients({c.client_id for c in cooldowns if c.client_id is not None})
        ahead = database_time().ahead
        ids = insert_events([_event(c, clients, ahead) for c in cooldowns if c.key_id in known])
        condemned = [cooldown for cooldown in cooldowns if cooldown.is_of_dead_key]
        for cooldown in condemned:
            _condemn(cooldown)
        keys = frozenset(cooldown.key_id for cooldown in condemned)
        learned = write_learned(
            limit for each in cooldowns if each.key_id in known for limit in each.learned
        )
        if ids is None:
            touched = None
        else:
            touched = Touched(keys=keys, cooldowns=frozenset(ids), learned=learned)
        change_log.note(version, touched)
    return version.number


def _condemn(cooldown: NewCooldown) -> None:
    """Invalid until an operator enables it.

    Not if one has disabled it or replaced its secret meanwhile.
    """
    refused = ApiKey.objects.filter(
        pk=cooldown.key_id, key_hash=cooldown.key_hash, status=KeyStatus.ACTIVE
    )
    refused.update(status=KeyStatus.INVALID, status_reason=cooldown.reason[:REASON_CHARACTERS])


def _clients(ids: set[int]) -> set[int]:
    """Those that are still there. Nearly always there are none to ask for."""
    found = ClientToken.objects.filter(pk__in=ids).values_list("pk", flat=True) if ids else ()
    return set(found)


def _event(cooldown: NewCooldown, clients: set[int], ahead: timedelta) -> NewEvent:
    return NewEvent(
        key_id=cooldown.key_id,
        project=cooldown.project,
        model=cooldown.model,
        kind=cooldown.kind,
        http_status=cooldown.http_status,
        occurred_at=cooldown.occurred_at + ahead,
        cooling_until=cooldown.until + ahead,
        quota_id=cooldown.quota_id,
        quota_limit=cooldown.quota_limit,
        stated_delay_seconds=cooldown.stated_delay_seconds,
        client_id=cooldown.client_id if cooldown.client_id in clients else None,
        excerpt=cooldown.excerpt,
        request_id=cooldown.request_id,
    )
