"""Cooldowns on their way to the database: in force at once, and each costs what it costs alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from proxyapp.ledger.cooldown_writer import Cooling
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.pool.probation import Recovery
from proxyapp.pool.snapshot import Snapshot
from tests.support.lines_run import lines_run
from tests.support.snapshots import snapshot

AT = datetime(2026, 11, 24, 3, 48, tzinfo=UTC)


class Written:
    """Stands where the outbox is: all that is written has this version, or waits in the spool."""

    def __init__(self, version: int | None) -> None:
        self.version = version
        self.batches = 0

    async def write(self, record: Any, work: Any) -> int | None:
        self.batches += 1
        return self.version


def cooldown(key_id: int) -> NewCooldown:
    return NewCooldown(key_id, "", "daily", 429, AT, AT + timedelta(hours=5), "")


def writer(pool: Snapshot, version: int | None) -> Cooling:
    return Cooling(Written(version), pool, Recovery(pool.past_refusals))  # type: ignore[arg-type]


def lines_of_one_more(unconfirmed: int) -> int:
    """Of a cooldown that is imposed and written when so many are not confirmed yet."""
    pool = snapshot("a" * (unconfirmed + 1))
    cooling = writer(pool, 7)

    async def impose(first: int, last: int) -> None:
        for key_id in range(first, last):
            cooling.impose(cooldown(key_id))
        await cooling.close()

    asyncio.run(impose(1, unconfirmed + 1))
    return lines_run(lambda: asyncio.run(impose(unconfirmed + 1, unconfirmed + 2)))


def test_a_cooldown_costs_the_same_however_many_are_not_confirmed_yet():
    assert lines_of_one_more(10) == lines_of_one_more(1000)


async def test_what_a_version_does_not_know_yet_holds_in_it_too():
    cooling = writer(snapshot(), 7)
    await cooling.cool(cooldown(1))
    older, newer = snapshot(), snapshot()
    older.version, newer.version = 6, 7

    cooling.install(older)
    assert list(older.rings[""].available(AT.timestamp())) == [1, 2]
    cooling.install(newer)
    assert list(newer.rings[""].available(AT.timestamp())) == [0, 1, 2]


async def test_what_was_spooled_holds_until_it_is_confirmed():
    cooling = writer(snapshot(), None)
    await cooling.cool(cooldown(1))
    first, second, third = snapshot(), snapshot(), snapshot()
    first.version, second.version, third.version = 8, 9, 10

    cooling.install(first)
    cooling.confirm(10)
    cooling.install(second)
    cooling.install(third)

    at = AT.timestamp()
    taken = [list(pool.rings[""].available(at)) for pool in (first, second, third)]
    assert taken == [[1, 2], [1, 2], [0, 1, 2]]
