"""Requests whose keys have no shares of their limits yet: after a start, or at midnight."""

import asyncio
import time

import pytest

from proxyapp.database.threads import DatabaseThreads
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import PastRefusals, Recovery
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import build
from proxyapp.pool.wish import KeyWish, Turn
from proxyapp.quota import share_rows
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.quota.leases import QuotaLeases
from proxyapp.vocabulary.limits import Meter
from tests.support.shares_in_memory import SomeLimits
from tests.support.snapshots import Picks, group

pytestmark = pytest.mark.django_db(transaction=True)
PRO = "gemini-2.5-pro"
LIMITS = {Meter.REQUESTS_PER_MINUTE: 5, Meter.REQUESTS_PER_DAY: 100}


class Rotation(Picks):
    """Each pick is the next one's; those before come again when it has been round."""

    turn = 0

    def key_now(self, ring_name: str, quota_scope: str) -> PoolKey | None:
        ring = self.pool.rings[ring_name]
        index = ring.choose(self.turn, time.time(), quota_scope)
        if index is None:
            return None
        self.turn = (index + 1) % len(ring)
        return ring.keys[index]


@pytest.fixture
async def threads():
    threads = DatabaseThreads()
    await threads.connect()
    yield threads
    threads.close()


async def turns(threads: DatabaseThreads, keys: int, requests: int) -> list[Turn | None]:
    main = group(1, "main")
    there = [PoolKey(n, main, f"K{n}", "…", "active", "") for n in range(1, keys + 1)]
    snapshot = build(1, [main], there, Cooldowns())
    keeper = QuotaKeeper(snapshot, SomeLimits({PRO: LIMITS}))
    QuotaLeases(threads, keeper, "one 1")
    picks = Rotation(snapshot)
    queue = KeyQueue(picks, Recovery(PastRefusals()), snapshot, keeper)  # type: ignore[arg-type]
    wishes = [KeyWish(ALL_GROUPS, PRO, time.monotonic()) for _ in range(requests)]
    return list(await asyncio.gather(*(queue.next(wish) for wish in wishes)))


@pytest.mark.parametrize("requests", [1, 40])
async def test_of_many_keys_each_request_gets_one_that_it_asked_for(threads, requests) -> None:
    began_at = time.monotonic()
    found = await turns(threads, 5000, requests)
    assert None not in found
    assert time.monotonic() - began_at < 3


async def test_a_share_that_comes_late_is_waited_for(threads, monkeypatch) -> None:
    """No limit is used up: to say so would be wrong."""
    lease = share_rows.lease

    def slow(*given):
        time.sleep(1.0)
        return lease(*given)

    monkeypatch.setattr(share_rows, "lease", slow)
    assert None not in await turns(threads, 1, 2)
