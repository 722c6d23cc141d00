"""A coroutine under a Stepper is cancelled as a task is, at whatever moment that comes."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from proxyapp.vocabulary.in_task import in_task
from proxyapp.vocabulary.waiting import Wait
from tests.support.event_loops import BOTH_LOOPS
from tests.support.event_loops import event_loop_policy as event_loop_policy
from tests.support.stepped import (
    Gear,
    Stepped,
    first_gear,
    new_wait,
    outside_of_tasks,
    waiting,
)
from tests.support.stepped import gear as gear

pytestmark = BOTH_LOOPS


def kinds_of(ends: list[BaseException | None]) -> list[type]:
    return [type(end) for end in ends]


@pytest.mark.parametrize("is_in_task", [False, True])
async def test_while_it_waits(gear: Gear, *, is_in_task: bool) -> None:
    seen = []

    async def work() -> None:
        await gear()
        try:
            await new_wait()
        finally:
            seen.append("cleaned up")

    stepped = Stepped(work())
    await stepped.begin()
    if is_in_task:
        stepped.stepper.cancel()
    else:
        await outside_of_tasks(stepped.stepper.cancel)
    await stepped.ended()
    assert seen == ["cleaned up"]
    assert kinds_of(stepped.ends) == [asyncio.CancelledError]


async def test_without_a_task_it_is_cancelled_at_once() -> None:
    async def work() -> None:
        await new_wait()

    stepped = Stepped(work())
    await stepped.begin()

    def cancel() -> None:
        stepped.stepper.cancel()
        assert kinds_of(stepped.ends) == [asyncio.CancelledError]

    await outside_of_tasks(cancel)
    assert stepped.tasks == []


@pytest.mark.parametrize("times", [1, 2])
async def test_within_its_own_step_it_is_cancelled_at_its_next_wait(gear: Gear, times: int) -> None:
    seen: list[str] = []
    found: list[Stepped] = []

    async def work() -> None:
        await gear()
        for _ in range(times):
            found[0].stepper.cancel()
        seen.append("ran on")
        try:
            await new_wait()
        finally:
            await asyncio.sleep(0.001)  # what cleans up is not cancelled again
            seen.append("cleaned up")

    stepped = Stepped(work())
    found.append(stepped)
    await stepped.begin()
    await stepped.ended()
    assert seen == ["ran on", "cleaned up"]
    assert kinds_of(stepped.ends) == [asyncio.CancelledError]


@pytest.mark.parametrize("times", [1, 2])
async def test_within_its_own_step_before_it_becomes_a_task(times: int) -> None:
    seen: list[str] = []
    found: list[Stepped] = []

    async def work() -> None:
        for _ in range(times):
            found[0].stepper.cancel()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.001)
            seen.append("cleaned up")

    stepped = Stepped(work())
    found.append(stepped)
    await stepped.begin()
    await stepped.ended()
    assert seen == ["cleaned up"]
    assert kinds_of(stepped.ends) == [asyncio.CancelledError]


async def test_one_that_ends_in_the_step_that_cancels_it_ends_once(gear: Gear) -> None:
    """Well, or cancelled, as a task is that never waits again."""
    found: list[Stepped] = []

    async def work() -> None:
        await gear()
        found[0].stepper.cancel()

    stepped = Stepped(work())
    found.append(stepped)
    await stepped.begin()
    await stepped.ended()
    assert kinds_of(stepped.ends) == [type(None) if gear is first_gear else asyncio.CancelledError]


@pytest.mark.parametrize(
    "waited",
    [in_task, lambda: asyncio.sleep(0), lambda: asyncio.sleep(60), lambda: asyncio.Event().wait()],
)
async def test_before_the_first_step_of_its_task(waited: Callable[[], Any]) -> None:
    """The coroutine has begun: what it began is to be ended."""
    seen = []

    async def work() -> None:
        try:
            await waited()
            await new_wait()
        finally:
            seen.append("cleaned up")

    stepped = Stepped(work())

    def start_and_cancel() -> None:
        stepped.stepper.start()
        stepped.stepper.cancel()

    await outside_of_tasks(start_and_cancel)
    await stepped.ended()
    assert seen == ["cleaned up"]
    assert kinds_of(stepped.ends) == [asyncio.CancelledError]


async def test_what_it_would_have_waited_for_is_cancelled_with_it() -> None:
    waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await waited

    stepped = Stepped(work())

    def start_and_cancel() -> None:
        stepped.stepper.start()
        stepped.stepper.cancel()

    await outside_of_tasks(start_and_cancel)
    await stepped.ended()
    assert waited.cancelled()


async def test_after_its_end_there_is_nothing_to_cancel(gear: Gear) -> None:
    wait = new_wait()

    stepped = waiting(gear, wait)
    await stepped.begin()
    await outside_of_tasks(wait.end)
    await stepped.ended()
    stepped.stepper.cancel()
    await outside_of_tasks(stepped.stepper.cancel)
    await stepped.settled()
    wait.end()
    await stepped.settled()
    assert stepped.ends == [None]


async def test_one_that_is_cancelled_while_it_goes_on_ends_once(gear: Gear) -> None:
    """Both come at the same turn of the loop, in either order."""
    for order in ("end first", "cancel first"):
        wait = new_wait()

        async def work(wait: Wait = wait) -> None:
            await gear()
            await wait
            await new_wait()

        stepped = Stepped(work())
        await stepped.begin()
        calls = [wait.end, stepped.stepper.cancel]
        for call in calls if order == "end first" else reversed(calls):
            call()
        await stepped.ended()
        assert kinds_of(stepped.ends) == [asyncio.CancelledError], order


async def test_a_coroutine_may_outlive_its_cancel(gear: Gear) -> None:
    wait = new_wait()

    async def work() -> None:
        await gear()
        try:
            await new_wait()
        except asyncio.CancelledError:
            await wait

    stepped = Stepped(work())
    await stepped.begin()
    stepped.stepper.cancel()
    await stepped.settled()
    assert stepped.ends == []
    await outside_of_tasks(wait.end)
    await stepped.ended()
    assert stepped.ends == [None]
