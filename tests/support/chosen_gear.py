"""The gateway's command line, with an application whose gear is chosen, or told.

`python -m tests.support.chosen_gear ARGUMENTS` is `manage.py ARGUMENTS`. The environment's GEAR:
`task` runs each request in a task from its first step on, `asgi` asks for it in ASGI's messages,
`told` prints for each one whether it ended without a task.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import manage
from proxyapp.vocabulary.asgi import DirectApplication, DirectExchange, Receive, Scope, Send
from proxyapp.vocabulary.in_task import in_task


class WithoutDirect:
    def __init__(self, application: DirectApplication) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)


class InTasks(WithoutDirect):
    def direct(self, scope: Scope, exchange: DirectExchange) -> Coroutine[Any, Any, None] | None:
        coroutine = self._application.direct(scope, exchange)
        return None if coroutine is None else _from_a_task_on(coroutine)


async def _from_a_task_on(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await in_task()
    except BaseException:
        coroutine.close()
        raise
    await coroutine


class Telling(WithoutDirect):
    def direct(self, scope: Scope, exchange: DirectExchange) -> Coroutine[Any, Any, None] | None:
        coroutine = self._application.direct(scope, exchange)
        return None if coroutine is None else _told(scope["path"], coroutine)


async def _told(path: str, coroutine: Coroutine[Any, Any, None]) -> None:
    await coroutine
    gear = "first" if asyncio.current_task() is None else "second"
    print(f"{path} ended in the {gear} gear", flush=True)


def main() -> None:
    from gateway import asgi

    gears: dict[str, Any] = {"task": InTasks, "asgi": WithoutDirect, "told": Telling}
    setattr(asgi, "application", gears[os.environ["GEAR"]](asgi.application))  # noqa: B010
    manage.main()


if __name__ == "__main__":
    main()
