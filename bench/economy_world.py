"""What `bench.economy_day` simulates.

Projects with quotas, the requests that arrive, and who could answer them.
"""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from tests.support.fake_quotas import MINUTE_SECONDS, PACIFIC, Limits, Quotas, day_of

LIMITS = {
    "gemini-2.5-flash": Limits(per_minute=10, per_day=250),
    "gemini-2.5-flash-lite": Limits(per_minute=15, per_day=1000),
    "gemini-2.5-pro": Limits(per_minute=5, per_day=25),
}
BURST = 20
# In summer: then the reset that `daily` waits for (10:00 in Moscow) is that of the quotas.
MIDNIGHT = datetime(2026, 7, 1, tzinfo=PACIFIC)


@dataclass(frozen=True)
class World:
    """Projects with their quotas, and the time that requests are spread over."""

    limits: Mapping[str, Limits]
    begins_at: float
    seconds: float
    projects: int = 20
    keys_of_each: int = 2
    burst_share: float = 1.0

    @property
    def names(self) -> list[str]:
        return [f"project-{number}" for number in range(self.projects)]

    @property
    def owners(self) -> dict[str, str]:
        """The project of each key, in the order of rotation."""
        return {
            f"{name}-key-{number}": name
            for name in self.names
            for number in range(self.keys_of_each)
        }

    def quota(self, model: str) -> int:
        """What all projects may answer.

        A day that the time only touches counts whole: so do its quotas.
        """
        moments = (self.begins_at, self.begins_at + self.seconds - 1)
        return (
            self.projects * self.limits[model].per_day * len({day_of(moment) for moment in moments})
        )


DAY = World(LIMITS, MIDNIGHT.timestamp(), timedelta(days=1).total_seconds())
HOUR = World(
    {model: Limits(each.per_minute, each.per_day // 10) for model, each in LIMITS.items()},
    MIDNIGHT.timestamp(),
    timedelta(hours=1).total_seconds(),
)


class Arrival(NamedTuple):
    """`trick`: of a request that no key can answer (`bench.economy_hostile`); empty: honest."""

    at: float
    model: str
    trick: str = ""


def arrivals(world: World, load: float, seed: int, *, is_even: bool = False) -> list[Arrival]:
    """`load` times every model's quota, as Poisson processes.

    Of a known number of events, each is anywhere in time. `burst_share` of the requests come in
    bursts. `is_even`: as many in all, but the same number for each model.
    """
    chance, found = random.Random(seed), list[Arrival]()
    quotas = [world.quota(model) for model in world.limits]
    for model, quota in zip(world.limits, quotas, strict=True):
        requests = round(load * (sum(quotas) / len(quotas) if is_even else quota))
        bursts = int(requests * world.burst_share) // BURST
        sizes = [BURST] * bursts + [1] * (requests - bursts * BURST)
        for size in sizes:
            found += [Arrival(world.begins_at + chance.random() * world.seconds, model)] * size
    return sorted(found)


class Room:
    """Who could answer: a look at the quotas that uses nothing up."""

    def __init__(self, world: World, quotas: Quotas) -> None:
        self._quotas = quotas
        self._latest = {
            (project, model): deque[float](maxlen=limits.per_minute)
            for project in world.names
            for model, limits in world.limits.items()
        }
        self._projects = world.names

    def note(self, project: str, model: str, now: float) -> None:
        """The project has answered."""
        self._latest[project, model].append(now)

    def is_left(self, model: str, now: float) -> bool:
        return any(self._is_left(project, model, now) for project in self._projects)

    def _is_left(self, project: str, model: str, now: float) -> bool:
        latest = self._latest[project, model]
        is_minute_full = len(latest) == latest.maxlen and latest[0] + MINUTE_SECONDS > now
        return not is_minute_full and self._quotas.remaining_today(project, model, now) != 0
