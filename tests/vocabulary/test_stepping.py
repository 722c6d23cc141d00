"""A coroutine under a Stepper behaves as in a task, whichever gear it is in."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from proxyapp.vocabulary.stepping import Stepper
from tests.support.event_loops import BOTH_LOOPS
from tests.support.event_loops import event_loop_policy as event_loop_policy
from tests.support.stepped import Gear, Stepped, new_wait, outside_of_tasks, waiting
from tests.support.stepped import gear as gear

pytestmark = BOTH_LOOPS


async def test_a_coroutine_that_never_waits_ends_within_its_start() -> None:
    ran = []

    async def work() -> None:
        ran.append(asyncio.current_task())

    stepped = Stepped(work())
    await outside_of_tasks(stepped.stepper.start)
    assert ran == [None]
    assert stepped.ends == [None]
    assert stepped.tasks == []


async def test_it_goes_on_within_the_end_of_its_wait() -> None:
    wait = new_wait()
    heard: list[str] = []

    async def work() -> None:
        await wait
        heard.append("went on")

    stepped = Stepped(work())
    await stepped.begin()
    assert heard == []
    assert stepped.ends == []

    def end_the_wait() -> None:
        wait.end()
        assert heard == ["went on"]

    await outside_of_tasks(end_the_wait)
    assert stepped.ends == [None]
    assert stepped.tasks == []


async def test_in_a_task_it_goes_on_soon(gear: Gear) -> None:
    wait = new_wait()

    stepped = waiting(gear, wait)
    await stepped.begin()
    wait.end()  # by the task that runs this test
    assert stepped.ends == []
    await stepped.ended()
    assert stepped.ends == [None]


async def test_a_wait_that_is_over_waits_no_longer(gear: Gear) -> None:
    wait = new_wait()
    wait.end()
    wait.end()

    stepped = waiting(gear, wait)
    await stepped.begin()
    await stepped.ended()
    assert stepped.ends == [None]


async def test_it_may_end_its_own_next_wait(gear: Gear) -> None:
    async def work() -> None:
        await gear()
        wait = new_wait()
        wait.end()
        await wait

    stepped = Stepped(work())
    await stepped.begin()
    await stepped.ended()
    assert stepped.ends == [None]


async def test_the_end_of_one_coroutines_wait_within_another_ones_step(gear: Gear) -> None:
    wait, steps = new_wait(), []

    async def waits() -> None:
        await gear()
        await wait
        steps.append("the other goes on")

    async def ends_it() -> None:
        await gear()
        wait.end()
        steps.append("the first has gone on")

    waiting, ending = Stepped(waits()), Stepped(ends_it())
    await waiting.begin()
    await ending.begin()
    await waiting.ended()
    await ending.ended()
    assert sorted(steps) == ["the first has gone on", "the other goes on"]
    assert waiting.ends == ending.ends == [None]


async def test_a_wait_that_ends_twice_lets_nobody_go_on_from_the_next(gear: Gear) -> None:
    first, second = new_wait(), new_wait()

    async def work() -> None:
        await gear()
        await first
        await second

    stepped = Stepped(work())
    await stepped.begin()
    first.end()
    first.end()
    await stepped.settled()
    first.end()
    await stepped.settled()
    assert stepped.ends == []
    second.end()
    await stepped.ended()
    assert stepped.ends == [None]


async def test_what_was_to_go_on_and_is_cancelled_first_waits_in_its_own_end(gear: Gear) -> None:
    """The end of the first wait, which is late, is not the end of the second."""
    first, second, seen = new_wait(), new_wait(), []

    async def work() -> None:
        await gear()
        try:
            await first
        finally:
            await second
            seen.append("cleaned up")

    stepped = Stepped(work())
    await stepped.begin()
    asyncio.get_running_loop().call_soon(stepped.stepper.cancel)
    first.end()
    await stepped.settled()
    assert seen == []
    second.end()
    await stepped.ended()
    assert seen == ["cleaned up"]
    assert [type(end) for end in stepped.ends] == [asyncio.CancelledError]


@pytest.mark.parametrize("waited", [lambda: asyncio.sleep(0), lambda: asyncio.sleep(0.001)])
async def test_what_is_no_wait_becomes_a_task_and_goes_on_in_it(
    waited: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    ran: list[Any] = []

    async def work() -> None:
        ran.append(asyncio.current_task())
        await waited()
        ran.append(asyncio.current_task())

    stepped = Stepped(work())
    await stepped.begin()
    assert stepped.tasks == [stepped.stepper.task]
    assert "BegunCoroutine" in repr(stepped.stepper.task)
    await stepped.ended()
    assert ran == [None, stepped.stepper.task]
    assert stepped.ends == [None]


async def test_a_wait_after_that_is_one_of_the_task() -> None:
    wait = new_wait()

    async def work() -> None:
        await asyncio.sleep(0)
        await wait

    stepped = Stepped(work())
    await stepped.begin()
    await stepped.settled()
    assert stepped.ends == []
    await outside_of_tasks(wait.end)
    await stepped.ended()
    assert stepped.ends == [None]


async def test_what_a_future_ends_with_is_seen_by_the_coroutine() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    seen = []

    async def work() -> None:
        seen.append(await future)

    stepped = Stepped(work())
    await stepped.begin()
    future.set_result("an answer")
    await stepped.ended()
    assert seen == ["an answer"]


async def test_an_error_reaches_the_end_once(gear: Gear) -> None:
    wait = new_wait()

    async def work() -> None:
        await gear()
        await wait
        raise ValueError("broken")

    stepped = Stepped(work())
    await stepped.begin()
    wait.end()
    await stepped.ended()
    stepped.stepper.cancel()
    await stepped.settled()
    assert [repr(end) for end in stepped.ends] == ["ValueError('broken')"]


def test_a_stepper_needs_no_running_loop_to_be_made() -> None:
    async def work() -> None:
        pass

    with asyncio.Runner() as runner:
        coroutine = work()
        ends: list[BaseException | None] = []
        stepper = Stepper(runner.get_loop(), coroutine, ends.append, lambda _: None)
        runner.get_loop().call_soon(stepper.start)
        runner.run(asyncio.sleep(0))
    assert ends == [None]
