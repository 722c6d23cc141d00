"""What `bench.pools` measures, on the gateway's own parts, with a database of its own.

`python -m bench.pool_probe UPSTREAM SECONDS` prints the figures as JSON. The gateway is imported
only when Django is set up.
"""

import asyncio
import functools
import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import uvloop

SIZES = (2, 100, 10_000)
COOLING = ("none", "half", "all but one")
UNKNOWN = "none, and no key was known before"
CLIENTS = 16
REQUESTS_PER_SECOND = 500.0
RELOADS = 5


@dataclass(frozen=True)
class PoolFigures:
    """`picks`: µs a pick by "size, cooling". `stalls`: ms that the loop was late in each reload."""

    picks: dict[str, float]
    stalls: dict[str, list[float]]
    reload_ms: float
    quiet_stall_ms: float
    requests_per_second: float
    transactions_per_request: float
    transactions: dict[str, int]


def measure(upstream: str, seconds: float) -> PoolFigures:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    picks = {
        f"{size}, {kind}": pick_microseconds(size, kind)
        for size in (10, *SIZES)
        for kind in COOLING
    }
    fill(upstream, 100)
    rate, per_request, transactions = uvloop.run(transactions_at_load(seconds))
    fill(upstream, 10_000)
    stalls, reload_ms, quiet = uvloop.run(reload_stalls())
    return PoolFigures(picks, stalls, reload_ms, quiet, rate, per_request, transactions)


def cooling_count(size: int, kind: str) -> int:
    return {"none": 0, "half": size // 2, "all but one": size - 1}.get(kind, 0)


def pick_microseconds(size: int, kind: str, picks: int = 20_000) -> float:
    """The fastest of three: other work on the machine only adds."""
    from proxyapp.pool import cursor
    from proxyapp.pool.cooldowns import Cooldowns
    from proxyapp.pool.cursor import Lease
    from proxyapp.pool.keys_and_groups import GroupFields, PoolKey, pool_group
    from proxyapp.pool.leasing import FEWEST_PICKS
    from proxyapp.pool.ring_names import ALL_GROUPS
    from proxyapp.pool.rotor import Rotor
    from proxyapp.pool.snapshot import build

    group = pool_group(
        GroupFields(1, "g", "https://up.example", None, "google", has_single_credential=False)
    )
    keys = [PoolKey(number, group, f"key-{number}", "…", "active") for number in range(size)]
    later = time.time() + 3600
    cooldowns = Cooldowns()
    for number in range(cooling_count(size, kind)):
        cooldowns.extend(number, "", later + number, is_daily=False)
    ring = build(1, [group], keys, cooldowns).rings[ALL_GROUPS]

    def walk() -> float:
        rotor, done = Rotor(ring), 0
        began = time.perf_counter()
        while done < picks:
            now = time.time()
            if rotor.pick(now) is None:
                slots = cursor.lease_slots(size, ring.available(now).count, FEWEST_PICKS)
                rotor.add(Lease(rotor.position, rotor.position + slots, 0))
            else:
                done += 1
        return (time.perf_counter() - began) / picks * 1e6

    return min(walk() for _ in range(3))


def fill(upstream: str, keys: int, mark: Callable[[int], str] = lambda _: "") -> None:
    """The database holds one group of that many keys, none of them cooling.

    `mark(number)`: what a key's text ends in.
    """
    from proxyapp.models import ApiKey, Group
    from proxyapp.pool.cursor import raise_pool_version

    Group.objects.all().delete()
    group = Group.objects.create(name="g", target_url=upstream, auth="google")
    made = [ApiKey(group=group, position=number) for number in range(keys)]
    for number, key in enumerate(made):
        key.set_secret(f"bench-pool-key-{number:05}-of-{keys:05}{mark(number)}")
    ApiKey.objects.bulk_create(made, batch_size=1000)
    raise_pool_version()


async def transactions_at_load(seconds: float) -> tuple[float, float, dict[str, int]]:
    """Requests a second, database transactions a request, and what the transactions were for."""
    from proxyapp import runtime

    running = await runtime.startup()
    counted = Counter[str]()
    count_transactions(running.threads, counted)
    done = 0
    until = time.perf_counter() + 0.5
    while time.perf_counter() < until:  # The leases find their size.
        await request()
    counted.clear()
    began = time.perf_counter()

    async def client(number: int) -> None:
        nonlocal done
        due = began + number * CLIENTS / REQUESTS_PER_SECOND / CLIENTS
        while due < began + seconds:
            await asyncio.sleep(due - time.perf_counter())
            await request()
            done += 1
            due += CLIENTS / REQUESTS_PER_SECOND

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    took = time.perf_counter() - began
    transactions = dict(counted)
    await runtime.shutdown()
    return done / took, sum(transactions.values()) / done, transactions


def count_transactions(threads: Any, counted: Counter[str]) -> None:
    """A statement outside of a block is a transaction of its own.

    A block's BEGIN is one such statement.
    """
    from django.db import connection

    run_on_thread: Callable[..., Awaitable[Any]] = threads._ask

    async def run_and_count(
        thread: Any, work: Callable[[], Any], doing: str, seconds: float
    ) -> Any:

        def counting(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
            if not context["connection"].in_atomic_block:
                counted[label(work)] += 1
            return execute(sql, parameters, many, context)

        def wrapped() -> Any:
            with connection.execute_wrapper(counting):
                return work()

        return await run_on_thread(thread, wrapped, doing, seconds)

    threads._ask = run_and_count


def label(work: Any) -> str:
    return str(getattr(getattr(work, "func", work), "__name__", "other")).strip("_")


async def request() -> None:
    from tests.support.asgi_request import generate

    if (status := await generate()) != 200:
        raise RuntimeError(f"the gateway answered {status}")


async def reload_stalls() -> tuple[dict[str, list[float]], float, float]:
    """How late a ticker was at worst in each reload, what a reload took, and the same without.

    The last is the lateness while nothing is loaded.
    """
    from proxyapp import runtime

    running = await runtime.startup()
    await running.leasing.next_key("")
    gc.collect()
    gc.freeze()  # As `serve` does before it listens.
    quiet = await lateness_during(asyncio.sleep(0.5))
    stalls: dict[str, list[float]] = {}
    took: list[float] = []
    for kind in (*COOLING, UNKNOWN):
        await running.threads.urgent(functools.partial(cool, cooling_count(10_000, kind)))
        await running.refresh()
        stalls[kind] = []
        for _ in range(RELOADS):
            if kind == UNKNOWN:
                running._source._reader._secrets.clear()
            await running.threads.urgent(raise_version)
            began = time.perf_counter()
            stalls[kind].append(await lateness_during(running.refresh()))
            took.append((time.perf_counter() - began) * 1000)
    await runtime.shutdown()
    return stalls, median(took), quiet


def raise_version() -> None:
    from proxyapp.pool.cursor import raise_pool_version

    raise_pool_version()


def cool(count: int) -> None:
    from proxyapp.models import ApiKey, RateLimitEvent
    from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns

    RateLimitEvent.objects.all().delete()
    now = datetime.now(UTC)
    ids = ApiKey.objects.order_by("position").values_list("pk", flat=True)[:count]
    write_cooldowns(
        [NewCooldown(key_id, "", "daily", 429, now, now + timedelta(hours=1), "") for key_id in ids]
    )


async def lateness_during(work: Awaitable[Any]) -> float:
    """How many ms the event loop was late at worst with a timer of 1 ms."""
    task = asyncio.ensure_future(work)
    worst = 0.0
    while not task.done():
        due = time.perf_counter() + 0.001
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - due)
    await task
    return worst * 1000


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], float(sys.argv[2])))))
