"""Keys that are had at once, from what is leased; nothing is leased where there is none to have."""

import asyncio
import time
from typing import Any

import pytest
from django.db import DatabaseError

from proxyapp.pool.leasing import Leasing
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from tests.support.snapshots import snapshot

PRO = "gemini-2.5-pro"


class Threads:
    """The database's, which nobody should ask."""

    def __init__(self) -> None:
        self.asked = 0

    async def urgent(self, _work: Any) -> Any:
        self.asked += 1
        raise DatabaseError


def cooling() -> Snapshot:
    pool = snapshot("a")
    pool.cool(1, time.time() + 1e6)
    return pool


@pytest.mark.parametrize("pool", [snapshot(""), snapshot("d"), cooling()])
@pytest.mark.parametrize("scope", ["", PRO])
async def test_where_no_key_is_free_none_is_had_and_nothing_is_leased(pool: Snapshot, scope: str):
    threads = Threads()
    leasing = Leasing(threads, pool, lambda _: None)  # type: ignore[arg-type]

    assert leasing.key_now(ALL_GROUPS, scope) is None
    assert await leasing.next_key(ALL_GROUPS, scope) is None
    assert leasing.key_now("group:77", scope) is None
    await asyncio.sleep(0)
    assert threads.asked == 0
