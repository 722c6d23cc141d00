"""Keys that are had at once, from what is leased; nothing is leased where there is none to have."""

import time
from typing import Any

import pytest

from proxyapp.pool.leasing import Leasing
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from tests.support.snapshots import snapshot

PRO = "gemini-2.5-pro"


class Unasked:
    """The database's threads, which nobody should ask."""

    async def urgent(self, work: Any) -> Any:
        raise AssertionError(work)


def cooling() -> Snapshot:
    pool = snapshot("a")
    pool.cool(1, time.time() + 60)
    return pool


@pytest.mark.parametrize("pool", [snapshot(""), snapshot("d"), cooling()])
@pytest.mark.parametrize("scope", ["", PRO])
async def test_where_no_key_is_free_none_is_had_and_nothing_is_leased(pool: Snapshot, scope: str):
    leasing = Leasing(Unasked(), pool, lambda _: None)  # type: ignore[arg-type]

    assert leasing.key_now(ALL_GROUPS, scope) is None
    assert await leasing.next_key(ALL_GROUPS, scope) is None
    assert leasing.key_now("group:77", scope) is None
