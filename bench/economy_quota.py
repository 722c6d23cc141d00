"""Limits that are kept before the provider refuses, in the day that `bench.economy_day` simulates.

`python -m bench.economy_quota` prints the table: the gateway with limits that are configured and
with limits that it learns, in one process, in four, and on two nodes whose clocks differ, beside
the rules of others: three strikes and a probe an hour, 60 s for each key and model, and headers
only. `--quick`: one hour.
"""

import argparse
import itertools
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.economy_world import DAY, HOUR, Arrival, Room, World, arrivals
from bench.report import BenchTarget, table, targets_table
from tests.support.fake_quotas import Quotas, Refusal

LOAD = 2.0
LOOK_SECONDS = 0.5
# As many keys as a request tries by default (MAX_ATTEMPTS).
MOST_ATTEMPTS = 10
NODES_APART_SECONDS = 0.4
HEAD = ["gateway", "answered", "of the quota", "missed", "refusals", "after the first", "leases"]


@dataclass(frozen=True)
class QuotaFigures:
    """`after_first`: refusals of a limit that an earlier one had named. `leases`: of shares."""

    name: str
    offered: int
    quota: int
    answered: int
    missed: int
    refused: int
    after_first: int
    leases: int = 0

    @property
    def row(self) -> list[str]:
        return [
            self.name,
            f"{self.answered / self.offered:.1%}",
            f"{self.answered / self.quota:.2%}",
            f"{self.missed / self.offered:.2%}",
            f"{self.refused}",
            f"{self.after_first}",
            f"{self.leases}" if self.leases else "",
        ]


class Rule(Protocol):
    """Which key is asked next, and what its answer means."""

    def next_key(self, model: str, now: float, tried: set[str]) -> str | None: ...

    def answered(self, key: str, model: str, now: float) -> None: ...

    def refused(self, key: str, model: str, now: float, refusal: Refusal) -> None: ...


class ByHeaders:
    """Google sends no Retry-After: nothing is remembered."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._turns = itertools.cycle(range(len(keys)))

    def next_key(self, model: str, now: float, tried: set[str]) -> str | None:
        for _ in self._keys:
            key = self._keys[next(self._turns)]
            if key not in tried and not self.is_out(key, model, now):
                return key
        return None

    def is_out(self, key: str, model: str, now: float) -> bool:
        return False

    def answered(self, key: str, model: str, now: float) -> None:
        """It proves nothing."""

    def refused(self, key: str, model: str, now: float, refusal: Refusal) -> None:
        """Nor does this."""


class MinuteForKeyAndModel(ByHeaders):
    """After a refusal the key is out for the model for 60 s."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self._until: dict[tuple[str, str], float] = {}

    def is_out(self, key: str, model: str, now: float) -> bool:
        return self._until.get((key, model), 0.0) > now

    def refused(self, key: str, model: str, now: float, refusal: Refusal) -> None:
        self._until[key, model] = now + 60


class ThreeStrikes(ByHeaders):
    """Three refusals in a row take the key out; each hour it is asked again."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self._strikes: Counter[str] = Counter()
        self._until: dict[str, float] = {}

    def is_out(self, key: str, model: str, now: float) -> bool:
        return self._until.get(key, 0.0) > now

    def answered(self, key: str, model: str, now: float) -> None:
        self._strikes[key] = 0

    def refused(self, key: str, model: str, now: float, refusal: Refusal) -> None:
        self._strikes[key] += 1
        if self._strikes[key] >= 3:
            self._until[key] = now + 3600


def simulated(name: str, world: World, rule: Rule, requests: Sequence[Arrival]) -> QuotaFigures:
    quotas = Quotas(world.limits, world.owners)
    room = Room(world, quotas)
    missed = after_first = refused = 0
    named: set[tuple[str, str, bool]] = set()
    for now, model, _ in requests:
        tried: set[str] = set()
        is_answered = False
        while len(tried) < MOST_ATTEMPTS and (key := rule.next_key(model, now, tried)):
            tried.add(key)
            refusal = quotas.ask(key, model, now)
            if refusal is None:
                rule.answered(key, model, now)
                room.note(world.owners[key], model, now)
                is_answered = True
                break
            refused += 1
            limit = world.owners[key], model, refusal.is_day
            after_first += limit in named
            named.add(limit)
            rule.refused(key, model, now, refusal)
        missed += not is_answered and room.is_left(model, now)
    return QuotaFigures(
        name,
        offered=len(requests),
        quota=sum(world.quota(model) for model in world.limits),
        answered=quotas.answered.total(),
        missed=missed,
        refused=refused,
        after_first=after_first,
        leases=getattr(rule, "leases", 0),
    )


def compared(world: World, seed: int = 1) -> list[QuotaFigures]:
    from bench.economy_keepers import Keepers

    requests, keys = arrivals(world, LOAD, seed), list(world.owners)
    found = []
    for learns in (False, True):
        source = "learns its limits" if learns else "limits configured"
        for processes, apart, where in (
            (1, 0.0, "one process"),
            (4, 0.0, "four processes"),
            (4, NODES_APART_SECONDS, "two nodes"),
        ):
            kept = Keepers(world, processes, apart, learns=learns, chance=random.Random(seed))
            found.append(simulated(f"{source}, {where}", world, kept, requests))
    others: Sequence[tuple[str, Rule]] = (
        ("three strikes, a probe an hour", ThreeStrikes(keys)),
        ("60 s for key and model", MinuteForKeyAndModel(keys)),
        ("headers only", ByHeaders(keys)),
    )
    return found + [simulated(name, world, rule, requests) for name, rule in others]


def targets(figures: Sequence[QuotaFigures]) -> list[BenchTarget]:
    kept = [each for each in figures if each.leases]
    configured = [each for each in kept if "configured" in each.name]
    used = min(each.answered / each.quota for each in kept)
    after = max(each.after_first for each in kept)
    refused = max(each.refused for each in configured)
    return [
        BenchTarget("Of the quota, at worst", "100 %", f"{used:.2%}", used == 1.0),
        BenchTarget("Refusals after the first of each limit", "0", f"{after}", after == 0),
        BenchTarget("Refusals of configured limits", "0", f"{refused}", refused == 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.economy_quota", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the quotas, in one hour")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django

    django.setup()
    figures = compared(HOUR if asked.quick else DAY)
    print(*table(HEAD, [each.row for each in figures]), "", sep="\n")
    print(*targets_table(targets(figures)), sep="\n")


if __name__ == "__main__":
    main()
