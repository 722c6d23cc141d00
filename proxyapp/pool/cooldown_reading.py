"""Cooldowns as they are read from the database: those that run, and what past ones mean.

Their ends are times of this machine's clock.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import Error as DatabaseError
from django.db.models import Q, QuerySet

from proxyapp.database.clock import TOLERANCE
from proxyapp.models import RateLimitEvent
from proxyapp.pool.change_log import Touched
from proxyapp.pool.changes import CooldownRow
from proxyapp.pool.cooldown_ends import CooldownEnds
from proxyapp.pool.cooldown_rows import Restart, restart_cooldowns
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import FORGOTTEN_AFTER_SECONDS, PastRefusals
from proxyapp.pool.real_scopes import real_scopes
from proxyapp.provider.features import plain_scope
from proxyapp.provider.kind_sets import BACK_OFF_KINDS, DAY_KINDS, EASED_KINDS

logger = logging.getLogger(__name__)
RECENT = timedelta(seconds=FORGOTTEN_AFTER_SECONDS)


class EventRow(NamedTuple):
    key_id: int
    project: str
    model: str
    kind: str
    occurred_at: datetime
    cooling_until: datetime
    id: int


def read_cooldowns(
    keys: list[PoolKey], now: datetime, ends: CooldownEnds, ahead: timedelta = timedelta()
) -> tuple[Cooldowns, PastRefusals]:
    """Those that run, and what those that ended within the hour mean for the next requests."""
    past_refusals = PastRefusals()
    projects: dict[str, list[int]] = {}
    for key in keys:
        projects.setdefault(key.project, []).append(key.id)
    rows = _rows(_unreleased(now, ends.start_reading(now)))
    real = real_scopes({row.model for row in rows}, now)
    cooldowns = Cooldowns(real)
    # Where there are more than find room, the real ones come first, then the latest.
    if real:
        rows.sort(key=lambda row: (plain_scope(row.model) in real, row.occurred_at), reverse=True)
    here = (now - ahead).timestamp()
    for row in _by_this_clock(rows, now, ends, ahead):
        past_refusals.remember_row(row)
        if row.until > here:
            for owner in {row.key_id, *(projects.get(row.project, ()) if row.project else ())}:
                is_daily = row.kind in DAY_KINDS
                cooldowns.extend(owner, row.quota_scope, row.until, is_daily=is_daily)
    ends.end_reading()
    return cooldowns, past_refusals


def read_touched(
    touched: Touched,
    keys: Mapping[int, PoolKey | None],
    now: datetime,
    ends: CooldownEnds,
    ahead: timedelta,
) -> list[CooldownRow]:
    """The new ones, and all of the keys and of their projects.

    Those of keys whose group is left out are kept until it is not.
    """
    rows = []
    if touched.cooldowns:
        rows = _rows(_unreleased(now, now).filter(pk__in=touched.cooldowns))
    if keys or touched.projects:
        of_keys = Q(key__in=list(keys))
        there = {key.project for key in keys.values() if key is not None and key.project}
        if projects := there | touched.projects:
            of_keys |= Q(project__in=projects)
        rows += _rows(_unreleased(now, ends.ask_after(now)).filter(of_keys))
    read = _by_this_clock(rows, now, ends, ahead)
    ends.tidy(now - RECENT)
    return read


def _unreleased(now: datetime, after: datetime) -> QuerySet[RateLimitEvent]:
    recent = Q(kind__in=EASED_KINDS | BACK_OFF_KINDS, cooling_until__gt=now - RECENT)
    return RateLimitEvent.objects.filter(
        Q(cooling_until__gt=after) | recent, released_at=None
    ).order_by()


def _rows(events: QuerySet[RateLimitEvent]) -> list[EventRow]:
    return list(map(EventRow._make, events.values_list(*EventRow._fields)))


def _by_this_clock(
    rows: Iterable[EventRow], now: datetime, ends: CooldownEnds, ahead: timedelta
) -> list[CooldownRow]:
    """What a clock wrote that was ahead ends after its own length, and begins now in the rows."""
    here, found, restarts = (now - ahead).timestamp(), [], []
    for row in rows:
        left = ends.left(row.id, row.occurred_at, row.cooling_until, now)
        if row.occurred_at > now + TOLERANCE:
            until = now + timedelta(seconds=max(left, 0.0))
            restarts.append(Restart(row.id, row.occurred_at, until))
        seconds = (row.cooling_until - row.occurred_at).total_seconds()
        found.append(
            CooldownRow(row.key_id, row.project, row.model, row.kind, here + left, seconds)
        )
    _restart(restarts, now)
    return found


def _restart(restarts: list[Restart], now: datetime) -> None:
    """What a clock wrote that was ahead begins now, for the pages and for whoever starts later."""
    if not restarts:
        return
    try:
        restarted = restart_cooldowns(restarts, now)
    except DatabaseError:
        return  # this process is right without it
    if restarted:
        logger.warning(
            "%d cooldowns began in the future, by a clock that was wrong: each ends after its own"
            " length. Keep the clocks of all machines right (NTP)",
            restarted,
        )
