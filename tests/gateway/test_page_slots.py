"""Pages that are made at a time: how many, and that none keeps the others out."""

import asyncio
from typing import Any

import pytest

from gateway import page_slots
from gateway.page_slots import PageSlots

pytestmark = [pytest.mark.asyncio, pytest.mark.once]
SECONDS = 20.0


class Pages:
    """An application whose pages are made when a test says so."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_end: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"]
        self.begun.append(name)
        await self.may_end.setdefault(name, asyncio.Event()).wait()
        await send({"type": "http.response.start"})

    def ask(self, slots: PageSlots, name: str, send: Any = None) -> "asyncio.Task[None]":
        scope: Any = {"path": name}
        receive: Any = None
        return asyncio.ensure_future(slots(scope, receive, send or nobody))

    def make(self, name: str) -> None:
        self.may_end.setdefault(name, asyncio.Event()).set()


async def nobody(message: Any) -> None:
    """Takes what is sent at once."""


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_are_made_at_a_time_and_the_others_in_their_order():
    pages = Pages()
    slots = PageSlots(pages, 2)
    tasks = [pages.ask(slots, name) for name in "abcd"]
    await settled()
    assert pages.begun == ["a", "b"]

    pages.make("b")
    await settled()
    assert pages.begun == ["a", "b", "c"]

    for name in "acd":
        pages.make(name)
    await asyncio.wait_for(asyncio.gather(*tasks), SECONDS)
    assert pages.begun == ["a", "b", "c", "d"]


async def test_who_reads_slowly_keeps_nobody_waiting():
    pages, reads = Pages(), asyncio.Event()
    slots = PageSlots(pages, 1)

    async def slowly(message: Any) -> None:
        await reads.wait()

    slow = pages.ask(slots, "slow", slowly)
    pages.make("slow")
    pages.make("next")
    await asyncio.wait_for(pages.ask(slots, "next"), SECONDS)

    assert not slow.done()
    reads.set()
    await asyncio.wait_for(slow, SECONDS)


async def test_who_leaves_while_waiting_or_fails_leaves_no_gap():
    pages = Pages()
    slots = PageSlots(pages, 1)

    async def gone(message: Any) -> None:
        raise ConnectionError

    first, waiting = pages.ask(slots, "first", gone), pages.ask(slots, "waiting")
    await settled()
    waiting.cancel()
    pages.make("first")
    with pytest.raises(ConnectionError):
        await first

    pages.make("next")
    await asyncio.wait_for(pages.ask(slots, "next"), SECONDS)
    assert pages.begun == ["first", "next"]


async def test_pages_that_hang_keep_the_others_out_for_a_time_only(monkeypatch: Any):
    monkeypatch.setattr(page_slots, "LONGEST_SECONDS", 0.05)
    pages = Pages()
    slots = PageSlots(pages, 2)
    hanging = [pages.ask(slots, name) for name in ("one", "two")]
    pages.make("next")

    await asyncio.wait_for(pages.ask(slots, "next"), SECONDS)

    monkeypatch.undo()
    for name in ("one", "two"):
        pages.make(name)
    await asyncio.wait_for(asyncio.gather(*hanging), SECONDS)
    later = [pages.ask(slots, name) for name in "abc"]
    await settled()
    assert pages.begun[-2:] == ["a", "b"]  # each gave its slot back once
    for name in "abc":
        pages.make(name)
    await asyncio.wait_for(asyncio.gather(*later), SECONDS)
