"""Dead keys are asked again when their time has come, and come back when they work."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from asgiref.sync import sync_to_async

from proxyapp.database.clock import ClockWarning, DatabaseTime
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.key_revival import KeyRevival
from proxyapp.ledger.shared_answers import SharedAnswers
from proxyapp.models import ApiKey, AuditEntry, KeyProbe
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.store import PoolReader
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from proxyapp.upstream.key_prober import KeyProber
from tests.support.pool_data import add_group, add_key, condemn

pytestmark = pytest.mark.usefixtures("async_database")


class Process:
    """One of several: its threads, and how often it asked."""

    def __init__(self, outcome: ProbeOutcome) -> None:
        self.outcome = outcome
        self.asked: list[int] = []
        self.threads = DatabaseThreads()
        self.clock = ClockWarning()
        self.shared = shared = SharedAnswers(self.threads, self.clock.now)
        self.prober = KeyProber(self.ask, shared)
        self.keys = PoolReader().load(datetime.now(UTC)).keys
        self.revival = KeyRevival(self.threads, shared, self.prober, lambda: self.keys)

    async def ask(self, key: PoolKey) -> ProbeResult:
        self.asked.append(key.id)
        return ProbeResult(key.id, self.outcome, 200, "works")


@sync_to_async
def dead_key(label: str = "one") -> ApiKey:
    group = add_group(label)
    key = add_key(group, label)
    condemn(key)
    due = datetime.now(UTC) - timedelta(seconds=1)
    KeyProbe.objects.create(key=key, key_hash=key.key_hash, deaths=1, due_at=due, outcome="dead")
    return key


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    made: list[Process] = []
    yield made
    for process in made:
        process.threads.close()


async def a_process(made: list[Process], outcome: ProbeOutcome) -> Process:
    process = await sync_to_async(Process)(outcome)
    made.append(process)
    return process


async def test_a_key_that_works_again_comes_back_and_the_audit_log_says_so(processes):
    key = await dead_key()
    process = await a_process(processes, ProbeOutcome.WORKS)

    await process.revival.look()

    await key.arefresh_from_db()
    entry = await AuditEntry.objects.aget()
    assert (key.status, process.asked) == ("active", [key.pk])
    assert (entry.actor, entry.action) == ("probe", "enable")


@pytest.mark.parametrize("outcome", [ProbeOutcome.DEAD, ProbeOutcome.INCONCLUSIVE])
async def test_a_key_that_does_not_stays_and_is_asked_later(processes, outcome: ProbeOutcome):
    key = await dead_key()
    process = await a_process(processes, outcome)

    await process.revival.look()
    await process.revival.look()

    await key.arefresh_from_db()
    probe = await KeyProbe.objects.aget()
    assert (key.status, process.asked) == ("invalid", [key.pk])
    assert probe.due_at
    assert probe.due_at > datetime.now(UTC) + timedelta(seconds=50)


async def test_of_two_processes_one_asks(processes):
    await dead_key()
    two = [await a_process(processes, ProbeOutcome.DEAD) for _ in range(2)]

    for process in two:
        await process.revival.look()

    assert [len(process.asked) for process in two] == [1, 0]


async def test_a_request_in_each_of_two_processes_makes_one_question(processes):
    key = await dead_key()
    two = [await a_process(processes, ProbeOutcome.DEAD) for _ in range(2)]

    found = [await process.prober.outcome(process.keys[key.pk]) for process in two]

    assert found == [ProbeOutcome.DEAD] * 2
    assert [len(process.asked) for process in two] == [1, 0]


async def test_a_node_whose_clock_is_ahead_does_not_ask_what_another_is_asking(processes):
    key = await dead_key()
    one, ahead = [await a_process(processes, ProbeOutcome.DEAD) for _ in range(2)]
    pool_key = one.keys[key.pk]
    now = datetime.now(UTC)

    assert await one.shared.claim(pool_key) == (True, None)
    with time_machine.travel(now + timedelta(seconds=30)):
        ahead.clock.hear(DatabaseTime(now, timedelta(seconds=-30)))
        assert await ahead.shared.claim(pool_key) == (False, None)


async def test_a_key_that_this_process_does_not_know_is_put_off(processes):
    key = await dead_key()
    process = await a_process(processes, ProbeOutcome.WORKS)
    process.keys = {}

    await process.revival.look()

    assert process.asked == []
    probe = await KeyProbe.objects.aget(key=key)
    assert probe.due_at
    assert probe.due_at > datetime.now(UTC)
