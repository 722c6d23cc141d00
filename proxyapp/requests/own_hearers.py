"""Who of this process hears of each request for the log's lines, and for a collector of spans."""

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from proxyapp.requests.access_log import write_lines
from proxyapp.requests.batches import RecordBatches, Work
from proxyapp.requests.told import RequestsTold

if TYPE_CHECKING:
    from proxyapp.requests.spans import Spans

# A collector that is away is not waited for.
CLOSE_SECONDS = 2.0


class OwnHearers:
    """None of them, as a rule."""

    def __init__(self, told: RequestsTold) -> None:
        self._told = told
        self._batches: list[RecordBatches] = []
        self._closing: list[Callable[[], None]] = []

    async def start(self, *, has_lines: bool, collector: str) -> None:
        """`collector`: the URL of one; empty: there is none."""
        loop = asyncio.get_running_loop()
        if has_lines:
            self._add(loop, write_lines, "ACCESS_LOG")
        if collector:
            spans = await loop.run_in_executor(None, _spans, collector)
            self._add(loop, spans.write, "OTEL")
            self._closing.append(spans.close)

    def _add(self, loop: asyncio.AbstractEventLoop, work: Work, name: str) -> None:
        batches = RecordBatches(loop, work, name)
        self._batches.append(batches)
        self._told.add(batches.hear)

    async def close(self) -> None:
        for batches in self._batches:
            await batches.close()
        for close in self._closing:
            thread = Thread(target=close, daemon=True)
            thread.start()
            await asyncio.to_thread(thread.join, CLOSE_SECONDS)


def _spans(collector: str) -> "Spans":
    from proxyapp.requests.spans import Spans

    return Spans(collector)
