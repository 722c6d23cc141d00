"""Processes that keep limits, as one rule of `bench.economy_quota`. Needs Django to be set up."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from bench.economy_world import World
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import GroupFields, PoolKey, pool_group
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.quota.charge import LimitCharge
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.share_grants import Place
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL, Auth, RateLimitPolicy
from proxyapp.vocabulary.limits import Meter
from tests.support.fake_quotas import Refusal
from tests.support.shares_in_memory import SharesInMemory, SimulatedProcess

LOOK_SECONDS = 0.5


class KnownLimits:
    """A limit book: what operators set, or what refusals have named."""

    is_empty = False

    def __init__(
        self, numbers: Mapping[tuple[str, str, Meter], int] = MappingProxyType({})
    ) -> None:
        self.numbers = dict(numbers)

    def of(self, key: PoolKey, model: str) -> tuple[Limit, ...]:
        owner = f"project:{key.project}"
        meters = (Meter.REQUESTS_PER_MINUTE, Meter.REQUESTS_PER_DAY)
        numbers = ((meter, self.numbers.get((owner, model, meter))) for meter in meters)
        return tuple(
            Limit(owner, model, meter, number, "group economy")
            for meter, number in numbers
            if number is not None
        )


class Keepers:
    """Each request comes to any of the processes."""

    def __init__(
        self, world: World, processes: int, apart: float, *, learns: bool, chance: random.Random
    ) -> None:
        """`apart`: by so many seconds the clocks of the second half are ahead."""
        self._book, self._shares, self._chance = KnownLimits(), SharesInMemory(), chance
        self._now = 0.0
        if not learns:
            for model, limits in world.limits.items():
                for project in world.names:
                    self._learn(project, model, limits.per_minute, limits.per_day)
        self._keys = {secret: number for number, secret in enumerate(world.owners)}
        clocks = [self._clock(apart * (2 * n >= processes)) for n in range(processes)]
        self._processes = [
            SimulatedProcess(self._shares, _pool(world), self._book, clock) for clock in clocks
        ]
        self._turns = dict.fromkeys(range(processes), 0)
        self._charge: LimitCharge | None = None
        self._process = 0
        self._looked_at = 0.0
        self._unwritten: Counter[Place] = Counter()

    @property
    def leases(self) -> int:
        return self._shares.leases

    def _clock(self, ahead: float) -> Callable[[], float]:
        return lambda: self._now + ahead

    def _learn(self, project: str, model: str, minute: int, day: int) -> None:
        owner, self._book = f"project:{project}", KnownLimits(self._book.numbers)
        if minute:
            self._book.numbers[owner, model, Meter.REQUESTS_PER_MINUTE] = minute
        if day:
            self._book.numbers[owner, model, Meter.REQUESTS_PER_DAY] = day

    def next_key(self, model: str, now: float, tried: set[str]) -> str | None:
        self._now = now
        self._look()
        if not tried:
            self._process = self._chance.randrange(len(self._processes))
        process = self._processes[self._process]
        snapshot = process.keeper.snapshot
        for _ in range(2 * len(self._keys)):
            ring = snapshot.rings[ALL_GROUPS]
            index = ring.choose(self._turns[self._process], process.keeper.clock(), model)
            if index is None:
                return None
            self._turns[self._process] = (index + 1) % len(ring)
            key = ring.keys[index]
            charge = process.keeper.take(key, model, lambda: 0, process.keeper.clock())
            if charge is not None and key.secret not in tried:
                self._charge = charge
                return key.secret
            if charge is not None:
                charge.cancel()
        return None

    def _look(self) -> None:
        """Twice a second: counts are written, and what others want is given back."""
        if self._now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = self._now
        self._write()
        for process in self._processes:
            process.look()
        self._shares.wanted.clear()

    def _write(self) -> None:
        for process in self._processes:
            process.keeper.note_written(self._now + 2)
        self._shares.written.update(self._unwritten)
        self._unwritten.clear()

    def answered(self, key: str, model: str, now: float) -> None:
        project = self._processes[0].keeper.snapshot.keys[self._keys[key]].project
        self._unwritten[f"project:{project}", model, Meter.REQUESTS_PER_DAY] += 1
        self._end(is_counted=True)

    def _end(self, *, is_counted: bool) -> None:
        if self._charge is not None:
            self._charge.end(is_counted=is_counted)
        self._charge = None

    def refused(self, key: str, model: str, now: float, refusal: Refusal) -> None:
        """The limit is learned, and the project cools down as the provider says."""
        self._end(is_counted=False)
        asked, limits = self._processes[self._process].keeper, refusal.limits
        pool_key = asked.snapshot.keys[self._keys[key]]
        minute = limits.per_minute if refusal.is_minute else 0
        self._learn(pool_key.project, model, minute, limits.per_day if refusal.is_day else 0)
        self._write()
        if refusal.is_minute:
            meter = Meter.REQUESTS_PER_MINUTE
            asked.note_refused(pool_key, model, meter, refusal.retry_seconds, asked.clock())
        seconds = refusal.reset_seconds if refusal.is_day else refusal.retry_seconds
        for process in self._processes:
            keeper = process.keeper
            keeper.install(keeper.snapshot, self._book)
            for key_id in keeper.snapshot.projects[pool_key.project]:
                keeper.snapshot.cool(key_id, keeper.clock() + seconds, quota_scope=model)


def _pool(world: World) -> Snapshot:
    fields = GroupFields(
        1,
        "economy",
        DEFAULT_TARGET_URL,
        None,
        Auth.GOOGLE,
        has_single_credential=False,
        policy=RateLimitPolicy.QUOTA_AWARE,
    )
    group = pool_group(fields)
    keys = [
        PoolKey(number, group, secret, "…", "active", project)
        for number, (secret, project) in enumerate(world.owners.items())
    ]
    return build(1, [group], keys, Cooldowns())
