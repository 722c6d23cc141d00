"""Gives requests their keys: the next available one, in order of arrival if they have to wait."""

import asyncio
import contextlib
import time
from bisect import insort
from collections.abc import AsyncIterator, Collection, Iterator
from typing import Protocol

from proxyapp.pool.bound_keys import usable_among, usable_of
from proxyapp.pool.charging import Charging, NoQuota, Quota
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Recovery
from proxyapp.pool.release_times import next_share_at, seconds_until_free
from proxyapp.pool.ring import Ring
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.stays import Stays
from proxyapp.pool.wish import KeyWish, Turn
from proxyapp.vocabulary.buckets import WAIT_BOUNDS, Buckets
from proxyapp.vocabulary.in_task import time_limit
from proxyapp.vocabulary.kept_settings import kept

# For a request that tries out the only key left. An answer may take minutes: who waited so long
# tries the key as well.
PROBE_WAIT_SECONDS = 2.0
# There are two looks a second, and the first may have been just before.
PATIENT_SECONDS = 1.65
# Shares that come may be gone before this request's turn. One that does not come is looked for so
# long: each wait ends with the database's patience.
MOST_SHARES = 8
SHARES_SECONDS = 5.0


class QueuePlace(asyncio.Event):
    """One request's place in a line; set when it should look again."""

    def __init__(self, arrived_at: float) -> None:
        super().__init__()
        self.arrived_at = arrived_at


class Leases(Protocol):
    """Where the keys come from: `Leasing`."""

    def key_now(self, ring_name: str, quota_scope: str = "") -> PoolKey | None: ...

    async def next_key(
        self, ring_name: str, quota_scope: str = "", passed: Collection[int] = ()
    ) -> PoolKey | None: ...

    def next_outside(
        self,
        ring_name: str,
        quota_scope: str,
        groups: Collection[int],
        passed: Collection[int] = (),
    ) -> PoolKey | None: ...

    def passed_over(self, ring: Ring, quota_scope: str) -> Collection[int]: ...


class KeyQueue:
    """`QUEUE_SECONDS` after its arrival a request waits no longer; 0: it never waits.

    `waits`: how long those that waited stood in line.
    """

    def __init__(
        self,
        leasing: Leases,
        recovery: Recovery,
        snapshot: Snapshot,
        quota: Quota | None = None,
    ) -> None:
        """`quota`: what keeps the limits of keys."""
        self._leasing = leasing
        self._recovery = recovery
        self._snapshot = snapshot
        self.quota: Quota = NoQuota() if quota is None else quota
        self._charging = Charging(snapshot, self.quota)
        self._stays = Stays(leasing)
        self._lines: dict[tuple[str, str, tuple[int, ...] | None], list[QueuePlace]] = {}
        self.waits = Buckets(WAIT_BOUNDS)

    @property
    def waiting(self) -> int:
        """How many stand in line now."""
        return sum(map(len, self._lines.values()))

    def install(self, snapshot: Snapshot) -> None:
        """Keys may have been released or added: the first in each line looks again."""
        self._snapshot = self._charging.snapshot = snapshot
        self._stays.install(snapshot)
        self.look_again()

    def look_again(self) -> None:
        """A limit has room, say."""
        for line in self._lines.values():
            line[0].set()

    def turn_now(self, wish: KeyWish) -> Turn | None:
        """The next key if it is had at once, and nobody waits for any."""
        if self._lines or not (wish.is_free and self._recovery.is_idle):
            return None
        key = self._key_now(wish)
        if key is None or self.quota.is_idle:
            return Turn(key) if key is not None else None
        turn = self._charging.charged(key, wish)
        while turn is None and wish.is_free and self._charging.may_look_on(wish):
            if (key := self._key_now(wish)) is None:
                return None
            turn = self._charging.charged(key, wish)
        return turn

    async def next(self, wish: KeyWish, *, may_wait: bool = True) -> Turn | None:
        """None: there is no such key, and none comes free in time."""
        can_wait = kept.QUEUE_SECONDS and may_wait
        if not can_wait or wish.line not in self._lines:
            turn = await self._pick_at_once(wish)
            if turn is not None:
                return turn
        if can_wait:
            return await self._wait_in_line(wish)
        return None if self.quota.is_idle or not may_wait else await self._pick_patiently(wish)

    async def _pick_patiently(self, wish: KeyWish) -> Turn | None:
        """What other processes hold of a limit and do not use comes back with their next look."""
        deadline = time.time() + PATIENT_SECONDS
        while (at := next_share_at(self._snapshot, wish, now := time.time())) <= deadline:
            await asyncio.sleep(max(at - now, 0.01))
            if turn := await self._pick_at_once(wish):
                return turn
        return None

    async def _pick_at_once(self, wish: KeyWish) -> Turn | None:
        """Once more where a share of a limit was on its way."""
        turn = None if self._charging.is_held_up(wish) else await self._picked(wish)
        until = time.monotonic() + SHARES_SECONDS
        for _ in range(MOST_SHARES):
            if turn is not None or self.quota.is_idle or time.monotonic() > until:
                break
            is_held_up = self._charging.is_held_up(wish)
            if not await self.quota.more() and not is_held_up:
                break
            turn = await self._picked(wish)
        return turn

    async def _picked(self, wish: KeyWish) -> Turn | None:
        wish.look_anew()
        while wish.is_free and self._recovery.is_idle and self._charging.may_look_on(wish):
            key = self._awaited(wish) or self._staying(wish)
            key = key or await self._leasing.next_key(wish.ring, wish.quota_scope)
            if key is None:
                return None
            if (turn := self._charging.charged(key, wish)) is not None:
                return turn
        return await self._pick(wish)

    def _awaited(self, wish: KeyWish) -> PoolKey | None:
        """One of those whose shares it waited for, once it has come."""
        if not wish.awaited:
            return None
        keys = usable_among(self._snapshot, wish, wish.awaited, time.time())
        return next((key for key in keys if not wish.refuses(key)), None)

    def _key_now(self, wish: KeyWish) -> PoolKey | None:
        return self._staying(wish) or self._leasing.key_now(wish.ring, wish.quota_scope)

    def _staying(self, wish: KeyWish) -> PoolKey | None:
        """Where its conversation stays. None: nowhere; rotation has a key then, if there is one."""
        if wish.conversation is None:
            return None
        return next(self._stays.keys(self._snapshot, wish, time.time()), None)

    async def _pick(self, wish: KeyWish) -> Turn | None:
        """With an eye on what was tried, and on keys that come back one request at a time."""
        deadline = time.monotonic() + PROBE_WAIT_SECONDS
        while True:
            turn, held = await self._lap(wish)
            remaining = deadline - time.monotonic()
            if turn is not None or held is None:
                return turn or self._of_lower_priority(wish)
            if remaining <= 0:
                return self._charging.charged(held, wish)
            await self._recovery.probe_ended(remaining)

    async def _lap(self, wish: KeyWish) -> tuple[Turn | None, PoolKey | None]:
        """One time round. The second: a key that would do, but that another request tries out.

        One that is perhaps dead does, too, where there is no other.
        """
        held = doubtful = None
        async for key in self._round(wish):
            if wish.refuses(key):
                continue
            if not self._charging.may_look_on(wish):
                return None, None
            if self._recovery.is_on_trial(key):
                doubtful = key
                continue
            probe = self._recovery.on_probation(key, wish.quota_scope, time.time())
            if probe is None or self._recovery.begin_probe(probe):
                if (turn := self._charging.charged(key, wish, probe)) is not None:
                    return turn, None
                if probe is not None:
                    self._recovery.end_probe(probe)
            else:
                held = key
        if doubtful is None or held is not None:
            return None, held
        return self._charging.charged(doubtful, wish), None

    async def _round(self, wish: KeyWish) -> AsyncIterator[PoolKey]:
        if wish.only is not None:
            for bound in list(self._bound(wish)):
                yield bound
            return
        if (awaited := self._awaited(wish)) is not None:
            yield awaited
        passed = set(wish.tried)
        if wish.conversation is not None:
            for staying in self._stays.keys(self._snapshot, wish, time.time()):
                yield staying
        for _ in range(self._size(wish)):
            key = await self._next_key(wish, passed)
            if key is None:
                return
            yield key
            passed.add(key.id)

    def _bound(self, wish: KeyWish) -> Iterator[PoolKey]:
        """Of the only keys that may, those that can: no turn of the rotation is spent on them."""
        return usable_of(self._snapshot, wish, time.time())

    async def _next_key(self, wish: KeyWish, passed: Collection[int]) -> PoolKey | None:
        """`passed`: a strategy would choose them again."""
        place = wish.ring, wish.quota_scope
        those = () if self._snapshot.is_plain else (passed,)
        if wish.outside:
            return self._leasing.next_outside(*place, wish.outside, *those)
        return await self._leasing.next_key(*place, *those)

    def _of_lower_priority(self, wish: KeyWish) -> Turn | None:
        """The next key that will do, for when none of the first priority does, where laps go."""
        while (key := self._first(wish)) is not None and self._charging.may_look_on(wish):
            if (turn := self._charging.charged(key, wish)) is not None:
                return turn
        return None

    def _size(self, wish: KeyWish) -> int:
        """How many picks go round; none if no key would do: to look must not spend a turn."""
        ring = self._snapshot.rings.get(wish.ring)
        if ring is None or not self.has_other(wish):
            return 0
        return ring.count_usable(time.time(), wish.quota_scope, wish.outside)

    def has_other(self, wish: KeyWish) -> bool:
        """Whether a key would do now."""
        return self._first(wish) is not None

    def _first(self, wish: KeyWish) -> PoolKey | None:
        """As many steps as keys were tried, however many there are."""
        if wish.only is not None:
            return next((key for key in self._bound(wish) if not wish.refuses(key)), None)
        ring = self._snapshot.rings.get(wish.ring)
        if ring is None:
            return None
        usable = ring.usable(time.time(), wish.quota_scope, wish.outside)
        return next((key for key in usable if not wish.refuses(key)), None)

    async def _wait_in_line(self, wish: KeyWish) -> Turn | None:
        deadline = wish.arrived_at + kept.QUEUE_SECONDS
        place = QueuePlace(wish.arrived_at)
        with self._standing(wish, place) as line:
            while (now := time.monotonic()) < deadline:
                until = deadline
                if line[0] is place:
                    wish.tried.clear()
                    if turn := await self._pick_at_once(wish):
                        return turn
                    until = now + seconds_until_free(self._snapshot, wish, time.time())
                    if until > deadline:
                        return None
                with contextlib.suppress(TimeoutError):
                    async with time_limit(max(until - now, 0.0)):
                        await place.wait()
                place.clear()
        return None

    @contextlib.contextmanager
    def _standing(self, wish: KeyWish, place: QueuePlace) -> Iterator[list[QueuePlace]]:
        """In the order of arrival, also for one that comes back; left however the wait ends."""
        name, began = wish.line, time.monotonic()
        line = self._lines.setdefault(name, [])
        insort(line, place, key=lambda other: other.arrived_at)
        try:
            yield line
        finally:
            self.waits.add(time.monotonic() - began)
            line.remove(place)
            if line:
                line[0].set()
            else:
                del self._lines[name]
