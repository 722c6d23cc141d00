"""Long bodies are read beside the event loop, one part at a time in turn."""

import asyncio
import base64
import random
import threading
import time
from collections.abc import Generator

import pytest

from proxyapp.forwarding.long_bodies import PART_PIECES, in_turns
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.provider.long_json import reading

MEGABYTE = 1 << 20
MEGABYTES = 20
LOOP_MILLISECONDS = 0.3


def picture() -> RequestBody:
    data = base64.b64encode(random.Random(1).randbytes(MEGABYTES * MEGABYTE * 3 // 4))
    body = b'{"model": "good", "x": [{"inlineData": {"data": "%b"}}]}' % data
    return RequestBody(body, length=len(body))


async def test_reading_costs_the_event_loop_next_to_nothing():
    body = picture()
    costs = []
    for _ in range(3):
        before = time.thread_time()
        said = await in_turns(reading(body.pieces()))
        costs.append((time.thread_time() - before) * 1000 / MEGABYTES)
        assert said.is_plain
        assert said.names == {"good"}
    assert min(costs) < LOOP_MILLISECONDS


def noted(name: str, steps: int, notes: list[tuple[str, str]]) -> Generator[None, None, str]:
    for _ in range(steps):
        notes.append((name, threading.current_thread().name))
        yield
    return name


async def test_readings_take_turns_of_a_part_each_and_none_on_the_event_loop():
    notes: list[tuple[str, str]] = []

    long, short = await asyncio.gather(
        in_turns(noted("long", 3 * PART_PIECES, notes)), in_turns(noted("short", 5, notes))
    )

    assert (long, short) == ("long", "short")
    names = [name for name, _ in notes]
    assert names == ["long"] * PART_PIECES + ["short"] * 5 + ["long"] * 2 * PART_PIECES
    assert threading.current_thread().name not in {thread for _, thread in notes}


async def test_what_a_reading_raises_is_raised():
    def broken() -> Generator[None, None, None]:
        yield
        raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="gone"):
        await in_turns(broken())


async def test_a_reading_whose_client_leaves_ends_with_its_part():
    notes: list[tuple[str, str]] = []
    task = asyncio.ensure_future(in_turns(noted("left", 1000 * PART_PIECES, notes)))
    while not notes:
        await asyncio.sleep(0)

    task.cancel()
    assert await in_turns(noted("next", 1, notes)) == "next"

    await asyncio.to_thread(time.sleep, 0)
    assert len(notes) < 100 * PART_PIECES
