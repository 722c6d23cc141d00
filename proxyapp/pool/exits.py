"""Exits that fail: their keys let their turns pass, and are otherwise what they were.

In the memory of one process, by group: an exit that does not reach one target may reach another.
"""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.exits import shown_exit

# A proxy that is restarted is back within seconds; one that is gone costs a request a minute.
FIRST_BACK_OFF_SECONDS = 5.0
MOST_BACK_OFF_SECONDS = 60.0
# Of the one request that tries it again: as long as a connection may take, twice.
TRIAL_SECONDS = 20.0

logger = logging.getLogger(__name__)


class FailingExit(NamedTuple):
    """As it is shown: without a password."""

    group_id: int
    group: str
    exit: str
    reason: str


@dataclass(slots=True)
class ExitTrouble:
    """`due_at`: when one request tries the exit again; `is_tried`: one is doing so."""

    shown: FailingExit
    since: float
    due_at: float
    back_off: float = FIRST_BACK_OFF_SECONDS
    is_tried: bool = False


class Exits:
    """Which exits are passed over now. Times are of a clock that nobody sets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_idle = True
        self._clock = clock
        self._failing: dict[int, dict[object, ExitTrouble]] = {}
        self._in_use: dict[int, int] = {}
        self._snapshot: Snapshot | None = None

    @property
    def failing(self) -> list[FailingExit]:
        """Also for other threads, which copy in one step what the loop may change."""
        return [one.shown for of_group in [*self._failing.values()] for one in [*of_group.values()]]

    def install(self, snapshot: Snapshot) -> None:
        """Exits that no key has any more are forgotten."""
        self._snapshot = snapshot
        self._in_use.clear()
        for group_id, troubles in list(self._failing.items()):
            ways = self._ways(group_id)
            for way in troubles.keys() - ways:
                self._forget(group_id, way)

    def passes_over(self, group: PoolGroup) -> bool:
        trouble = self._trouble(group)
        return trouble is not None and trouble.due_at > self._clock()

    def lost_groups(self) -> frozenset[int]:
        """The groups all of whose keys are passed over."""
        now = self._clock()
        return frozenset(
            group_id
            for group_id, troubles in self._failing.items()
            if all(one.due_at > now for one in troubles.values())
            and len(troubles) == self._count(group_id)
        )

    def begin(self, group: PoolGroup) -> None:
        """A request goes that way: where it is time, it is the one that tries it."""
        trouble, now = self._trouble(group), self._clock()
        if trouble is not None and trouble.due_at <= now:
            trouble.due_at, trouble.is_tried = now + TRIAL_SECONDS, True

    def failed(self, group: PoolGroup, reason: str) -> None:
        """What was on its way with the first that failed tells nothing new."""
        if not group.has_exit or not group.id:
            return
        trouble, now = self._trouble(group), self._clock()
        if trouble is None:
            self._add(group, reason, now)
        elif trouble.is_tried:
            trouble.back_off = min(2 * trouble.back_off, MOST_BACK_OFF_SECONDS)
            trouble.due_at, trouble.is_tried = now + trouble.back_off, False

    def worked(self, group: PoolGroup) -> None:
        trouble = self._trouble(group)
        if trouble is None:
            return
        self._forget(group.id, group.way)
        seconds, shown = self._clock() - trouble.since, trouble.shown
        logger.warning(
            "Group %s: exit %s works again, after %.0f s", shown.group, shown.exit, seconds
        )

    def _add(self, group: PoolGroup, reason: str, now: float) -> None:
        shown = FailingExit(group.id, group.name, shown_exit(group.proxy_url or ""), reason)
        self._failing.setdefault(group.id, {})[group.way] = ExitTrouble(
            shown, now, now + FIRST_BACK_OFF_SECONDS
        )
        self.is_idle = False
        logger.warning(
            "Group %s: exit %s fails, its keys let their turns pass: %s",
            shown.group,
            shown.exit,
            reason,
        )

    def _forget(self, group_id: int, way: object) -> None:
        del self._failing[group_id][way]
        if not self._failing[group_id]:
            del self._failing[group_id]
        self.is_idle = not self._failing

    def _trouble(self, group: PoolGroup) -> ExitTrouble | None:
        troubles = self._failing.get(group.id) if group.has_exit else None
        return troubles.get(group.way) if troubles else None

    def _count(self, group_id: int) -> int:
        if group_id not in self._in_use:
            self._in_use[group_id] = len(self._ways(group_id))
        return self._in_use[group_id]

    def _ways(self, group_id: int) -> Collection[object]:
        """Those of its keys; looked at when the first exit fails, and when the pool changes."""
        snapshot = self._snapshot
        group = snapshot.order.get(group_id) if snapshot is not None else None
        if snapshot is None or group is None:
            return frozenset()
        return {key.group.way for key in snapshot.rings[group.ring].keys if key.is_active}
