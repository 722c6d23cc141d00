"""What it costs to look for resources in a request, and to bind it to the key of one.

`python -m bench.bound_requests` prints µs of CPU a request. What is known is in memory; there is no
database and no upstream.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine
from functools import partial
from types import SimpleNamespace
from typing import Any

GENERATE = b"/v1beta/models/gemini-2.5-flash:generateContent"
FILE = "files/a1b2c3d4e5f6"
TIMES, ROUNDS = 5_000, 7
TEXT = "Count to three. " * 36


def body_of(*parts: dict[str, Any], times: int = 1) -> bytes:
    text: list[dict[str, Any]] = [{"text": TEXT}] * times
    return json.dumps({"contents": [{"role": "user", "parts": [*text, *parts]}]}).encode()


BODIES = {
    "0.6 KB, names none": body_of(),
    "60 KB, names none": body_of(times=100),
    "0.6 KB, names a file": body_of({"fileData": {"fileUri": FILE}}),
}


def cheapest(work: Callable[[], object]) -> float:
    """In µs of CPU a time, of the best round: other work on the machine only adds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            work()
        rounds.append((time.process_time() - began) / TIMES * 1e6)
    return min(rounds)


def finish(work: Coroutine[Any, Any, None]) -> None:
    """It waits for nothing."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("what is in memory takes no wait")


async def run() -> None:
    from proxyapp.forwarding.bound_request import bind
    from proxyapp.forwarding.plan import named_by, plan
    from proxyapp.forwarding.request_body import RequestBody
    from proxyapp.forwarding.request_plan import RequestPlan
    from proxyapp.resources.book import ResourceBook
    from proxyapp.resources.known import KnownResource
    from tests.support.snapshots import snapshot

    async def write(record: object, work: object) -> int:
        return 1

    pool = snapshot("aaaaaaaaaa")
    threads: Any = SimpleNamespace(is_away=True)
    outbox: Any = SimpleNamespace(is_waiting=False, write=write)
    book = ResourceBook(threads, outbox)
    made = KnownResource(FILE, 3, "key 3", "", 1, 0, time.time() + 3600)
    await book.remember([made])
    parts: Any = SimpleNamespace(snapshot=pool, resources=book, threads=threads)

    def planned(body: bytes) -> RequestPlan:
        return plan(
            pool, method="POST", path=GENERATE, query=None, headers=[],
            body=RequestBody(body, length=len(body)),
        )  # fmt: skip

    for name, body in BODIES.items():
        request = planned(body)
        looked = cheapest(partial(named_by, request))
        bound = cheapest(lambda: finish(bind(parts, request)))  # noqa: B023 (called at once)
        whole = cheapest(partial(planned, body))
        cost = f"{looked:.2f} to look for names, of {whole:.1f} for the whole plan"
        print(f"{name}: {cost}" + (f"; {bound:.1f} to bind it" if request.names else ""))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django

    django.setup()
    asyncio.run(run())
