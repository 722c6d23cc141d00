"""What a flush of many touched keys costs, in the database of DATABASE_URL, which has to be empty.

`python -m bench.flush_cost 10 4000 10000` prints a line of JSON for each number of keys. Run it in
two checkouts in turn to compare them.
"""

import asyncio
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

FLUSHES = 7
MODEL = "gemini-2.5-flash"


def measure(sizes: list[int]) -> Iterator[dict[str, Any]]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from proxyapp.process.calm_collector import calm_collector

    ids = _key_ids(max(sizes))
    calm_collector()
    for size in sizes:
        yield {"keys": size, **_figures(ids[:size])}


def _key_ids(count: int) -> list[int]:
    from proxyapp.models import ApiKey, Group

    group = Group.objects.create(name="bench")
    keys = []
    for number in range(count):
        key = ApiKey(group=group, position=number)
        key.set_secret(f"AIzaSyBench{number:028d}")
        keys.append(key)
    ApiKey.objects.bulk_create(keys, batch_size=500)
    return list(ApiKey.objects.order_by("pk").values_list("pk", flat=True))


def _figures(ids: list[int]) -> dict[str, float]:
    """Medians; µs a key, alone and while an event loop's thread wants the interpreter, too."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from proxyapp.ledger.usage_rows import write_usage

    alone, held, walls = [], [], []
    for number in range(FLUSHES):
        tally = _tally(ids, number)
        held.append(_timed(functools.partial(write_usage, tally))[0])
        alone.append(_timed(functools.partial(write_usage, tally))[1])
        with _busy_loop():
            walls.append(_timed(functools.partial(write_usage, tally))[0])
    with CaptureQueriesContext(connection) as statements:
        write_usage(_tally(ids, FLUSHES))
    return {
        "us_a_key": round(median(alone) / len(ids) * 1e6, 1),
        "flush_ms": round(median(held) * 1e3, 1),
        "flush_ms_beside_a_busy_loop": round(median(walls) * 1e3, 1),
        "statements": len(statements),
        "loop_ms": round(_loop_milliseconds(_tally(ids, 0)), 2),
    }


def _tally(ids: list[int], number: int) -> Any:
    from proxyapp.ledger.usage import AttemptOutcome, UsageTally
    from proxyapp.provider.llm_tokens import LlmTokens

    tally, now = UsageTally(), time.time() + number
    for key_id in ids:
        tally.count(key_id, MODEL, AttemptOutcome.SUCCEEDED, now, LlmTokens(12, 34, 5, 21))
    return tally


def _timed(work: functools.partial[None]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - wall, time.thread_time() - cpu


@contextmanager
def _busy_loop() -> Iterator[None]:
    """Turns of 50 µs, as long as a request's."""
    is_over = threading.Event()

    def turn() -> None:
        while not is_over.is_set():
            until = time.perf_counter() + 50e-6
            while time.perf_counter() < until:
                pass
            time.sleep(0)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _loop_milliseconds(tally: Any) -> float:
    """CPU of the event loop's thread for a flush, with an outbox that writes nothing."""
    from unittest.mock import Mock

    from proxyapp.ledger.flush import Flush

    async def write(*_: Any) -> None:
        return None

    counting = Mock(take=Mock(return_value=tally))
    leasing, limits = Mock(), Mock(has_leftovers=False)
    flush = Flush(Mock(), Mock(write=write), counting, leasing, limits)
    before = time.thread_time()
    asyncio.run(flush.run())
    return (time.thread_time() - before) * 1e3


if __name__ == "__main__":
    for found in measure([int(size) for size in sys.argv[1:]]):
        print(json.dumps(found), flush=True)
