"""One process's walk round a ring: picks from the leased slots, in memory, without a lock."""

from collections import deque
from collections.abc import Collection

from proxyapp.pool.choosing import Asked, Choosing
from proxyapp.pool.cooldowns import EVERY_SCOPE
from proxyapp.pool.cursor import Lease, Pick, Progress
from proxyapp.pool.day_use import DayUse
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring import Ring
from proxyapp.pool.spilling import Spilling


class Rotor:
    """Belongs to one thread.

    `pick` answers None when the leases are used up; `add` brings the next one.
    """

    def __init__(self, ring: Ring, day_use: DayUse | None = None) -> None:
        self.ring = ring
        self._day_use = day_use or DayUse()
        self._choosing = Choosing(self._day_use)
        self._spilling = Spilling(self._day_use)
        self.is_moved = False
        self.is_started = False
        self._size = 0
        self._leases: deque[Lease] = deque()
        self._apart: dict[str, int] = {}
        self._outside = 0
        self.position = 0

    @property
    def is_low(self) -> bool:
        """Less than half of the last lease is left: time to fetch the next one."""
        return len(self._leases) < 2 and (
            not self._leases or (self._leases[0].end - self.position) * 2 < self._size
        )

    @property
    def is_empty(self) -> bool:
        return not self._leases

    def add(self, lease: Lease) -> None:
        if not self._leases:
            self.position = lease.start
        self._leases.append(lease)
        self._size = lease.end - lease.start

    def pick(
        self, now: float, quota_scope: str = EVERY_SCOPE, passed: Collection[int] = ()
    ) -> Pick | None:
        """None also when the ring has no available key: look at that first.

        `passed`: keys that will not do; it matters only where there is a choice.
        """
        ring, size = self.ring, len(self.ring)
        while self._leases:
            start = self.position % size
            index = ring.choose(start, now)
            if index is None:
                return None
            if not ring.keys[index].group.is_plain:
                index = self._spilled(index, start, quota_scope, EVERY_SCOPE, now)
            slot = self.position + (index - self.position) % size
            if slot < self._leases[0].end:
                self.position = slot + 1
                self.is_moved = self.is_started = True
                key = ring.keys[index]
                if not key.group.is_plain:
                    key = self.chosen(index, Asked(quota_scope, now, passed))
                return Pick(slot, key)
            self._next_lease()
        return None

    def pick_apart(
        self, quota_scope: str, now: float, passed: Collection[int] = ()
    ) -> PoolKey | None:
        """The next key for a quota scope some of whose keys are out for it alone; None: all are.

        Such a scope goes round by itself: if its requests moved everybody's turn on past the keys
        that are out for it, those after them would get the others' requests, too.
        """
        start = self._apart.get(quota_scope, self.position % len(self.ring))
        index = self.ring.choose(start, now, quota_scope)
        if index is None:
            return None
        if not self.ring.keys[index].group.is_plain:
            index = self._spilled(index, start, quota_scope, quota_scope, now)
        self._apart[quota_scope] = index + 1
        key = self.ring.keys[index]
        return key if key.group.is_plain else self.chosen(index, Asked(quota_scope, now, passed))

    def pick_outside(
        self,
        quota_scope: str,
        now: float,
        groups: Collection[int],
        passed: Collection[int] = (),
    ) -> PoolKey | None:
        """The next key of none of these groups; None: all are out, or of a lower priority.

        It goes round by itself, too: the turns of a group that fails are not its neighbour's.
        """
        passed_over = self.passed_over(quota_scope, now)
        index = self.ring.choose_outside(self._outside, now, quota_scope, groups, passed_over)
        if index is None:
            return None
        self._outside = (index + 1) % len(self.ring)
        return self.chosen(index, Asked(quota_scope, now, passed, groups))

    def chosen(self, index: int, asked: Asked) -> PoolKey:
        """Who answers in that turn."""
        return self._choosing.key(self.ring, index, asked)

    def passed_over(self, quota_scope: str, now: float) -> Collection[int]:
        """As `Ring.choose` has it."""
        return self._spilling.passed_over(self.ring, quota_scope, now)

    def _spilled(self, index: int, start: int, quota_scope: str, viewed: str, now: float) -> int:
        """Instead of a turn of a priority that comes last now."""
        passed_over = self.passed_over(quota_scope, now)
        found = self.ring.choose(start, now, viewed, passed_over) if passed_over else None
        return index if found is None else found

    def _next_lease(self) -> None:
        self._leases.popleft()
        if self._leases:
            self.position = self._leases[0].start

    def next_key_id(self) -> int | None:
        """Whose turn it is; None before the first pick."""
        if not self.is_started:
            return None
        return self.ring.keys[self.position % len(self.ring)].id

    def progress(self) -> Progress | None:
        """What to write down so that a restart goes on here; None when nothing was picked yet."""
        next_key_id = self.next_key_id()
        if next_key_id is None:
            return None
        end = self._leases[0].end if self._leases else self.position
        for earlier, later in zip(self._leases, list(self._leases)[1:], strict=False):
            if later.start != earlier.end:
                break
            end = later.end
        return Progress(self.ring.name, next_key_id, self.position, end)

    def replaced(self, ring: Ring) -> "tuple[Rotor, int | None]":
        """The walk round the ring's new version.

        The second: the key to start its lease at if the leases do not fit it.
        """
        if ring is self.ring or ring.key_ids == self.ring.key_ids:
            self.ring = ring
            self._choosing.forget()
            self._spilling.forget()
            return self, None
        return Rotor(ring, self._day_use), self._next_surviving(ring)

    def _next_surviving(self, ring: Ring) -> int | None:
        size = len(self.ring)
        for step in range(size if self.is_started else 0):
            key_id = self.ring.keys[(self.position + step) % size].id
            if key_id in ring:
                return key_id
        return None
