"""Picks for requests: from memory, while the next lease is on its way."""

import asyncio
import functools
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.pool import cursor
from proxyapp.pool.choosing import Asked
from proxyapp.pool.cursor import Lease, Progress
from proxyapp.pool.day_use import DayUse
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring import Ring
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.buckets import WAIT_BOUNDS, Buckets

# A row lock takes 0.3 ms (SQLite) to 1.1 ms (PostgreSQL): half a second without one is how an
# outage begins, and all that a request shall notice of it.
LEASE_WAIT_SECONDS = 0.5
# One lock for so many requests is cheap, and their slots are few enough to lose in a crash.
FEWEST_PICKS = 32
# Leases that last about a second under load made 40 % more requests a second (bench/RESULTS.md), so
# one that lasts less than LEASE_SECONDS is doubled. The fastest process that was measured serves
# 6,900 requests a second: to it, too, MOST_PICKS last longer than that.
MOST_PICKS = 4096
LEASE_SECONDS = 0.5


class Pace:
    """How many picks to lease at once: twice as many as last time when those did not last long.

    ROTATION_LEASE fixes the number.
    """

    def __init__(self) -> None:
        self._picks = FEWEST_PICKS
        self._leased_at = 0.0

    def picks(self, now: float) -> int:
        if settings.ROTATION_LEASE:
            return int(settings.ROTATION_LEASE)
        is_fast = now - self._leased_at < LEASE_SECONDS
        self._picks = (
            min(self._picks * 2, MOST_PICKS) if is_fast else max(self._picks // 2, FEWEST_PICKS)
        )
        self._leased_at = now
        return self._picks


class Leasing:
    """The rotors of one process. `on_version` hears the pool's version with every lease; `waits`:
    how long requests waited for one.
    """

    def __init__(
        self,
        threads: DatabaseThreads,
        snapshot: Snapshot,
        on_version: Callable[[int], None],
        day_use: DayUse | None = None,
    ) -> None:
        self._threads = threads
        self._snapshot = snapshot
        self._on_version = on_version
        self._day_use = day_use or DayUse()
        self._rotors: dict[str, Rotor] = {}
        self._start_at: dict[str, int] = {}
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        self._refills: dict[str, asyncio.Task[bool]] = {}
        self.waits = Buckets(WAIT_BOUNDS)
        self._is_stalled = False
        self._is_locked_each_time = settings.ROTATION_LEASE == 1

    def install(self, snapshot: Snapshot) -> None:
        """Goes on in the rings' new versions at the keys whose turn it is."""
        self._snapshot = snapshot
        old, self._rotors = self._rotors, {}
        for name, rotor in old.items():
            ring = snapshot.rings.get(name)
            if ring is None or not len(ring):
                continue
            self._rotors[name], next_key_id = rotor.replaced(ring)
            if next_key_id is not None:
                self._start_at[name] = next_key_id

    def key_now(
        self, ring_name: str, quota_scope: str = "", passed: Collection[int] = ()
    ) -> PoolKey | None:
        """None: there is none, or none without a wait, which is `next_key`'s.

        `passed`: keys that will not do; it matters only where there is a choice.
        """
        ring = self._snapshot.rings.get(ring_name)
        if ring is None or not ring.available(now := time.time(), quota_scope).count:
            return None
        if ring.is_narrowed(quota_scope):
            return self._rotor(ring).pick_apart(quota_scope, now, passed)
        if self._is_locked_each_time:
            return None
        rotor = self._rotor(ring)
        pick = rotor.pick(now, quota_scope, passed)
        if rotor.is_low:
            self._prefetch(rotor, now)
        return pick.key if pick is not None else None

    async def next_key(
        self, ring_name: str, quota_scope: str = "", passed: Collection[int] = ()
    ) -> PoolKey | None:
        """None: no key of the ring is available for the scope, or the ring is gone."""
        while (key := self.key_now(ring_name, quota_scope, passed)) is None:
            ring = self._snapshot.rings.get(ring_name)
            if ring is None or not ring.available(now := time.time(), quota_scope).count:
                return None
            if ring.is_narrowed(quota_scope):
                return None
            if self._is_locked_each_time:
                return await self._take(ring, Asked(quota_scope, now, passed))
            rotor = self._rotor(ring)
            await self._wait_for(self._prefetch(rotor, now), rotor, now)
        return key

    def next_outside(
        self,
        ring_name: str,
        quota_scope: str,
        groups: Collection[int],
        passed: Collection[int] = (),
    ) -> PoolKey | None:
        """The next key of none of these groups; what is leased is not spent on it."""
        ring = self._snapshot.rings.get(ring_name)
        if ring is None or not len(ring):
            return None
        return self._rotor(ring).pick_outside(quota_scope, time.time(), groups, passed)

    def passed_over(self, ring: Ring, quota_scope: str) -> Collection[int]:
        """The places of priorities that come last, as `Ring.choose` has it."""
        return self._rotor(ring).passed_over(quota_scope, time.time())

    def _rotor(self, ring: Ring) -> Rotor:
        rotor = self._rotors.get(ring.name)
        if rotor is None:
            rotor = self._rotors[ring.name] = Rotor(ring, self._day_use)
        return rotor

    async def _take(self, ring: Ring, asked: Asked) -> PoolKey | None:
        """Waits for one pick only: while the database lets that one wait, others go on without."""
        if self._is_stalled:
            return self._local_pick(ring, asked)
        taking = asyncio.get_running_loop().create_task(self._take_locked(ring, asked))
        await self._wait(taking)
        if taking.done():
            return taking.result()
        self._is_stalled = True
        return self._local_pick(ring, asked)

    async def _wait(self, lease: "asyncio.Task[Any]") -> None:
        began = time.monotonic()
        await asyncio.wait({lease}, timeout=LEASE_WAIT_SECONDS)
        self.waits.add(time.monotonic() - began)

    async def _take_locked(self, ring: Ring, asked: Asked) -> PoolKey | None:
        passed_over = self._rotor(ring).passed_over(asked.quota_scope, asked.now)
        try:
            take = functools.partial(cursor.take, ring, passed_over)
            pick, version = await self._threads.urgent(take)
        except DatabaseError:
            return self._local_pick(ring, asked)
        finally:
            self._is_stalled = False
        self._on_version(version)
        if pick is None or pick.key.group.is_plain or self._rotor(ring).ring is not ring:
            return pick.key if pick else None
        return self._rotor(ring).chosen(pick.slot % len(ring), asked)

    def _local_pick(self, ring: Ring, asked: Asked) -> PoolKey | None:
        """Without the database: a cursor of this process only."""
        rotor = self._rotor(ring)
        quota_scope, now, passed, _ = asked
        if (pick := rotor.pick(now, quota_scope, passed)) is None:
            rotor.add(_local_lease(rotor, len(ring)))
            pick = rotor.pick(now, quota_scope, passed)
        return pick.key if pick else None

    async def _wait_for(self, refill: "asyncio.Task[bool]", rotor: Rotor, now: float) -> None:
        """Waits once for one refill; if there is none it goes on with a lease of its own.

        A refill that came may be used up again by those who waited longer: the caller looks, and
        asks for the next.
        """
        if not self._is_stalled:
            await self._wait(refill)
        if refill.done() and refill.result():
            return
        self._is_stalled = not refill.done()
        if rotor.is_empty:
            available = rotor.ring.available(now).count
            rotor.add(
                _local_lease(rotor, cursor.lease_slots(len(rotor.ring), available, FEWEST_PICKS))
            )

    def _prefetch(self, rotor: Rotor, now: float) -> "asyncio.Task[bool]":
        name = rotor.ring.name
        task = self._refills.get(name)
        if task is None:
            task = self._refills[name] = asyncio.get_running_loop().create_task(
                self._lease(rotor, now)
            )
            task.add_done_callback(lambda _: self._refills.pop(name, None))
        return task

    async def _lease(self, rotor: Rotor, now: float) -> bool:
        """False when the database gave none."""
        ring = rotor.ring
        slots = cursor.lease_slots(
            len(ring), ring.available(now).count, self._paces[ring.name].picks(now)
        )
        start_at = self._start_at.pop(ring.name, None)
        if start_at is None and not rotor.is_started:
            work = functools.partial(cursor.resume, ring.name, ring.key_ids, slots)
        else:
            work = functools.partial(
                cursor.lease_laps, ring.name, ring.key_ids, slots, next_key_id=start_at
            )
        try:
            lease = await self._threads.urgent(work)
        except DatabaseError:
            return False
        self._is_stalled = False
        if rotor.ring.key_ids == ring.key_ids:
            rotor.add(lease)
        self._on_version(lease.version)
        return True

    def progress(self, *, everything: bool = False) -> list[Progress]:
        """Where the rotors stand that moved since the last call (or all of them)."""
        steps = []
        for rotor in self._rotors.values():
            step = rotor.progress() if rotor.is_moved or everything else None
            rotor.is_moved = False
            if step is not None:
                steps.append(step)
        return steps

    async def close(self) -> None:
        """Waits for leases on their way: what they took is given back."""
        if self._refills:
            await asyncio.wait(set(self._refills.values()), timeout=LEASE_WAIT_SECONDS)


def _local_lease(rotor: Rotor, slots: int) -> Lease:
    return Lease(rotor.position, rotor.position + slots, version=0)
