"""What the size of a pool costs: CPU a request, a 429, a change, a look at /readyz.

`python -m bench.pool_changes` prints one line a size (the changes of keys and of a group of 100:
what it takes to hear of them, without their write), in µs of CPU of the whole process, threads of
the database included. The upstream is a process of its own; the gateway is the application that a
server runs, without a server.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench import stream_upstream
from bench.contestants import ROOT, environment
from bench.pool_probe import fill
from bench.stream_upstream import SPENT

SIZES = (10, 10_000, 50_000)
CLIENTS = 16
REQUESTS = 6_000
REFUSALS = 2_000
CHANGES = 5


async def measured(upstream: str, size: int) -> dict[str, float]:
    """Refusals are of every second key, so that each request meets one on the average."""
    from proxyapp import runtime

    await asyncio.to_thread(fill, upstream, size, lambda number: "")
    running = await runtime.startup()
    await cpu_of(1_000)
    request = await cpu_of(REQUESTS) / REQUESTS
    ready = await cost(lambda: ready_status(), 20)
    change = await cost(lambda: change_one(running), CHANGES)
    heard = {name: await hearing(running, work) for name, work in WRITES.items()}
    await runtime.shutdown()
    if size < REFUSALS:
        return {"request": request, "readyz": ready, "change": change, **heard}
    await asyncio.to_thread(fill, upstream, size, lambda number: SPENT * (number % 2))
    await runtime.startup()
    refusal = await cpu_of(REFUSALS) / REFUSALS - request
    await runtime.shutdown()
    return {"request": request, "429": refusal, "readyz": ready, "change": change, **heard}


async def cpu_of(requests: int) -> float:
    """In µs, of so many requests of CLIENTS at a time that are all answered with 200."""
    from tests.support.asgi_request import generate

    left = iter(range(requests))

    async def client() -> None:
        for _ in left:
            if (status := await generate()) != 200:
                raise RuntimeError(f"the gateway answered {status}")

    return await cost(lambda: asyncio.gather(*(client() for _ in range(CLIENTS))), 1)


async def cost(work: Callable[[], Awaitable[Any]], times: int) -> float:
    """In µs of CPU a time."""
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times * 1e6


async def ready_status() -> int:
    from django.http import HttpRequest

    from proxyapp.forwarding.views import readyz

    return (await readyz(HttpRequest())).status_code


async def change_one(running: Any) -> None:
    """A cooldown that another process has written, as this one hears of it."""
    await running.threads.urgent(cool_last)
    await running.refresh()


async def hearing(running: Any, write: Callable[[], None]) -> float:
    """Of the cheapest of some: other work on the machine only adds."""
    costs = []
    for _ in range(CHANGES):
        await asyncio.to_thread(write)
        costs.append(await cost(running.refresh, 1))
    return min(costs)


def add_key() -> None:
    """In the middle of a group."""
    from proxyapp.models import ApiKey, Group
    from proxyapp.pool.change_log import touched_keys
    from proxyapp.pool.cursor import raise_pool_version

    group = Group.objects.order_by("pk")[0]
    key = ApiKey(group=group, position=group.keys.count() // 2)
    key.set_secret(f"bench-pool-added-{time.time_ns()}")
    key.save()
    raise_pool_version(touched_keys([key.pk]))


def remove_key() -> None:
    from proxyapp.models import ApiKey
    from proxyapp.pool.change_log import touched_keys
    from proxyapp.pool.cursor import raise_pool_version

    key = ApiKey.objects.order_by("pk")[5]
    touched = touched_keys([key.pk])
    key.delete()
    raise_pool_version(touched)


def change_group() -> None:
    """Its weight: the turns of all its keys."""
    from proxyapp.models import ApiKey, Group
    from proxyapp.pool.change_log import touched_groups, touched_rows
    from proxyapp.pool.cursor import raise_pool_version

    group, is_new = Group.objects.get_or_create(name="small", target_url="https://up.example")
    group.weight = group.weight % 3 + 1
    group.save()
    if is_new:
        keys = [ApiKey(group=group, position=number) for number in range(100)]
        for key in keys:
            key.set_secret(f"bench-pool-small-{key.position:05}-of-100")
        ApiKey.objects.bulk_create(keys)
        raise_pool_version(touched_rows(keys, [group]))
    raise_pool_version(touched_groups([group.pk]))


def change_anything() -> None:
    """All is read: what each change cost before."""
    from proxyapp.pool.cursor import raise_pool_version

    raise_pool_version()


WRITES = {
    "added": add_key, "removed": remove_key, "group": change_group, "whole": change_anything,
}  # fmt: skip


def cool_last() -> None:
    from datetime import UTC, datetime, timedelta

    from proxyapp.models import ApiKey
    from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns

    now = datetime.now(UTC)
    last = ApiKey.objects.order_by("-pk").values_list("pk", flat=True)[0]
    write_cooldowns([NewCooldown(last, "m", "minute", 429, now, now + timedelta(hours=1), "")])


def run() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bench-pool-changes-") as home,
        stream_upstream.upstream() as upstream,
    ):
        database = os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{home}/db.sqlite3")
        env = environment(
            home, VAR_DIR=home, ENV_FILE=os.devnull, DATABASE_URL=database, LOG_LEVEL="ERROR"
        )
        for size in SIZES:
            command = [sys.executable, "-m", "bench.pool_changes", upstream, str(size)]
            done = subprocess.run(
                command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
            )
            figures = {name: round(cost) for name, cost in json.loads(done.stdout).items()}
            print(f"{size:>6} keys", figures, flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        run()
    else:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(json.dumps(uvloop.run(measured(sys.argv[1], int(sys.argv[2])))))
