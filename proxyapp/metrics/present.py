"""What is so now of the pool, as one process knows it."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from heapq import nlargest
from itertools import islice
from typing import Any, NamedTuple

from proxyapp.pool.cooldowns import EVERY_SCOPE
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.account import Account
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState

# Of projects, models and meters, those that are nearest their end.
MOST_QUOTAS = 500
# So many are looked through for them.
MOST_ACCOUNTS = 5_000
PROJECT, KEY = "project:", "key:"
# A project, a model and a meter; and what is used of it, and all there is.
QuotaRow = tuple[str, str, str, int, int]


class KeysNow(NamedTuple):
    """Copies, to be counted on another thread: 10,000 keys take it some milliseconds."""

    groups: list[str]
    keys: list[PoolKey]
    cooling_until: dict[int, float]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "KeysNow":
        return cls(
            [group.name for group in snapshot.order.values()],
            list(snapshot.keys.values()),
            dict(snapshot.cooldowns.of_scope(EVERY_SCOPE)),
        )

    def by_group_and_state(self) -> dict[tuple[str, str], int]:
        """Also those of which there are none."""
        now = time.time()
        found = Counter({(name, str(state)): 0 for name in self.groups for state in KeyState})
        cooling = {key_id for key_id, until in self.cooling_until.items() if until > now}
        standing = Counter((key.group.name, key.standing) for key in self.keys)
        for key in self.keys if cooling else ():
            if key.id in cooling and key.is_active:
                found[(key.group.name, str(KeyState.COOLING))] += 1
                standing[(key.group.name, str(KeyStatus.ACTIVE))] -= 1
        for (name, status), count in standing.items():
            state = KeyState.AVAILABLE if status == KeyStatus.ACTIVE else status
            found[(name, str(state))] += count
        return found


def quota_rows(keeper: QuotaKeeper) -> list[QuotaRow]:
    """Keys without a project are told together, as those of none."""
    now = time.time()
    sums: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for place, used, number in _used(islice(keeper.accounts.values(), MOST_ACCOUNTS), now):
        both = sums[place]
        both[0] += used
        both[1] += number
    rows = [(*place, used, number) for place, (used, number) in sums.items()]
    return nlargest(MOST_QUOTAS, rows, key=lambda row: row[3] / max(row[4], 1))


def _used(
    accounts: Iterable[Account], now: float
) -> Iterator[tuple[tuple[str, str, str], int, int]]:
    for account in accounts:
        limit = account.limit
        if limit.owner.startswith((PROJECT, KEY)):
            is_project = limit.owner.startswith(PROJECT)
            project = limit.owner.removeprefix(PROJECT) if is_project else ""
            used = account.elsewhere + account.use.used(now)
            yield (project, limit.model, str(limit.meter)), used, limit.number


def highest(tables: Iterable[Any]) -> list[QuotaRow]:
    """Of what several processes know of a quota, the most that any knows to be used."""
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for table in tables:
        for project, model, meter, used, number in table:
            place = project, model, meter
            known = found.get(place)
            if known is None or used > known[0]:
                found[place] = used, number
    return [(*place, *both) for place, both in found.items()]
