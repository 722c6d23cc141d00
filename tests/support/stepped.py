"""A coroutine under a Stepper, for tests, which are tasks themselves."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from proxyapp.vocabulary.in_task import in_task
from proxyapp.vocabulary.stepping import Stepper
from proxyapp.vocabulary.waiting import Wait

Gear = Callable[[], Coroutine[Any, Any, None]]

TURNS = 10  # of the loop: more than anything here takes


async def first_gear() -> None:
    """Begins without a task."""


@pytest.fixture(params=[first_gear, in_task], ids=["first", "second"])
def gear(request: pytest.FixtureRequest) -> Any:
    return request.param


def new_wait() -> Wait:
    return Wait(asyncio.get_running_loop())


async def outside_of_tasks(call: Callable[[], Any]) -> None:
    """As the loop calls a protocol. Raises what it raises."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 (the test's own, a failed assertion above all)
            done.set_exception(error)
        else:
            done.set_result(None)

    loop.call_soon(run)
    await done


class Stepped:
    """What a server is told: `ends`, once the coroutine is over, and `tasks`."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.ends: list[BaseException | None] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.stepper = Stepper(
            asyncio.get_running_loop(), coroutine, self.ends.append, self.tasks.append
        )

    async def begin(self) -> None:
        """Until it waits."""
        await outside_of_tasks(self.stepper.start)
        if self.tasks:
            await self.settled()

    async def settled(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def ended(self) -> None:
        async with asyncio.timeout(5):
            while not self.ends:
                await asyncio.sleep(0.001)
        await self.settled()


def waiting(gear: Gear, wait: Wait) -> Stepped:
    """One that does nothing but wait."""

    async def work() -> None:
        await gear()
        await wait

    return Stepped(work())
