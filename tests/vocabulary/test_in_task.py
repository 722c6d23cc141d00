"""What only works in a task, in a coroutine that began without one."""

import asyncio
import re

import pytest

from proxyapp.vocabulary.in_task import BegunCoroutine, in_task, time_limit
from tests.support.event_loops import BOTH_LOOPS
from tests.support.event_loops import event_loop_policy as event_loop_policy
from tests.support.gateway import ROOT
from tests.support.stepped import Stepped

pytestmark = BOTH_LOOPS

NEEDS_A_TASK = re.compile(r"asyncio\.timeout(_at)?\(|asyncio\.wait_for\(|TaskGroup|current_task")
# Rooms that a request goes through before a task runs.
WAY_OF_A_REQUEST = ("access", "database", "forwarding", "ledger", "pool", "provider", "upstream")
# Who calls these is a task: the gateway's own pages, probes, tests of a connection, pruning.
ALWAYS_IN_TASKS = {
    "forwarding/body_file.py",
    "forwarding/views.py",
    "ledger/pruning.py",
    "upstream/connection_test.py",
    "upstream/key_probe.py",
}


@pytest.mark.parametrize("begins_in_task", [False, True])
async def test_a_time_limit_ends_a_wait(*, begins_in_task: bool) -> None:
    seen = []

    async def work() -> None:
        if begins_in_task:
            await in_task()
        try:
            async with time_limit(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("too late")

    stepped = Stepped(work())
    await stepped.begin()
    await stepped.ended()
    assert seen == ["too late"]
    assert stepped.ends == [None]
    assert len(stepped.tasks) == 1


async def test_a_time_limit_that_is_not_reached_changes_nothing() -> None:
    seen = []

    async def work() -> None:
        async with time_limit(60):
            seen.append("in time")
        async with time_limit(60):
            await asyncio.sleep(0)
        seen.append("after it")

    stepped = Stepped(work())
    await stepped.begin()
    await stepped.ended()
    assert seen == ["in time", "after it"]
    assert stepped.ends == [None]


async def test_only_the_first_call_makes_a_task() -> None:
    ran = []

    async def work() -> None:
        for _ in range(3):
            await in_task()
            ran.append(asyncio.current_task())

    stepped = Stepped(work())
    await stepped.begin()
    await stepped.ended()
    assert ran == [stepped.stepper.task] * 3


async def test_the_rest_of_a_coroutine_is_for_a_task_alone() -> None:
    async def work() -> None:
        pass

    coroutine = work()
    rest = BegunCoroutine(coroutine, None)
    with pytest.raises(TypeError, match="only a task runs it"):
        rest.__await__()
    rest.close()
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)


def test_on_the_way_of_a_request_a_time_limit_is_the_gateways_own() -> None:
    """asyncio's asks for the task that runs: without one it fails, but only then."""
    package = ROOT / "proxyapp"
    found = {
        str(path.relative_to(package))
        for room in WAY_OF_A_REQUEST
        for path in (package / room).rglob("*.py")
        if NEEDS_A_TASK.search(path.read_text())
    }
    assert found == ALWAYS_IN_TASKS
