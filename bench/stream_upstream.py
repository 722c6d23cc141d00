"""An upstream that is no bottleneck: paced streams, small answers, refusals of spent keys.

It is a process of its own. `/…:streamGenerateContent?events=N` answers the first event at once and
then EVENTS_PER_SECOND, however slow its reader; one shared ticker serves all streams, a tenth of
them at a time. Everything else is answered with 0.6 KB of JSON; a request whose key ends in SPENT
gets a 429. `/counts` tells what was answered, by key, and starts to count anew.
"""

import asyncio
import json
import re
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from bench import nginx
from bench.process import LOAD_CORES, free_port, running

EVENTS_PER_SECOND = 20
SLOTS = 10
TICK_SECONDS = 1 / EVENTS_PER_SECOND / SLOTS
STREAM_PATH = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
SPENT = "-spent"
MARK = b"~"
"""Stands once in every event, and nowhere else: readers count it."""
_TEXT = (
    "Round and round the keys they go, each in turn and none before its time, as the gateway"
    " said. ~"
)
_EVENT = json.dumps(
    {
        "candidates": [{"content": {"parts": [{"text": _TEXT}], "role": "model"}, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 12,
            "candidatesTokenCount": 44,
            "totalTokenCount": 56,
        },
        "modelVersion": "gemini-2.5-flash",
    }
)
EVENT = b"data: %b\r\n\r\n" % _EVENT.encode()
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
LAST_CHUNK = b"0\r\n\r\n"
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_REFUSAL = json.dumps(
    {"error": {"code": 429, "message": _QUOTA, "status": "RESOURCE_EXHAUSTED"}}
).encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\n(?:x-goog-api-key: *|authorization: *bearer +)([^\r]+)", re.IGNORECASE)
_EVENTS = re.compile(rb"[?&]events=(\d+)")


class Pacer:
    """Writes the events that are due, on an absolute schedule.

    What a tick was late with, the next one makes up.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: list[dict[Answering, int]] = [{} for _ in range(SLOTS)]
        self._tick = 0
        self._started_at = loop.time()
        self._beat()

    def add(self, answering: "Answering", events: int) -> None:
        """The first of them comes in 45 to 50 ms."""
        self._slots[(self._tick - 1) % SLOTS][answering] = events

    def remove(self, answering: "Answering") -> None:
        for slot in self._slots:
            slot.pop(answering, None)

    def _beat(self) -> None:
        due = int((self._loop.time() - self._started_at) / TICK_SECONDS)
        while self._tick <= due:
            self._serve(self._slots[self._tick % SLOTS])
            self._tick += 1
        self._loop.call_at(self._started_at + self._tick * TICK_SECONDS, self._beat)

    @staticmethod
    def _serve(slot: "dict[Answering, int]") -> None:
        for answering, left in list(slot.items()):
            if left:
                slot[answering] = left - 1
                answering.transport.write(CHUNK)
            else:
                del slot[answering]
                answering.end_stream()


class Answering(asyncio.Protocol):
    """One connection. Requests come one after the other, as from any proxy."""

    transport: asyncio.Transport

    def __init__(self, pacer: Pacer, counts: Counter[str]) -> None:
        self._pacer = pacer
        self._counts = counts
        self._buffer = b""
        self._closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is a transport in all but its class

    def connection_lost(self, error: Exception | None) -> None:
        self._pacer.remove(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[: end + 2]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        target = head[: head.index(b"\r\n")].split(b" ")[1]
        if target == b"/counts":
            self._send(200, json.dumps(self._counts).encode())
            self._counts.clear()
            return
        key = _KEY.search(head)
        name = key[1].decode() if key else ""
        self._counts[name] += 1
        if name.endswith(SPENT):
            self._send(429, _REFUSAL)
        elif events := _EVENTS.search(target):
            self._closes = b"\r\nconnection: close\r\n" in head.lower()
            self.transport.write(_STREAM_HEAD + CHUNK)
            self._pacer.add(self, int(events[1]) - 1)
        else:
            self._send(200, ANSWER)

    def end_stream(self) -> None:
        self.transport.write(LAST_CHUNK)
        if self._closes:
            self.transport.close()

    def _send(self, status: int, body: bytes) -> None:
        head = b"HTTP/1.1 %d Fine\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)


ANSWER = nginx.answer().encode()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    pacer, counts = Pacer(loop), Counter[str]()
    server = await loop.create_server(
        lambda: Answering(pacer, counts), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


@contextmanager
def upstream() -> Iterator[str]:
    """Its URL."""
    port = free_port()
    with running(
        [sys.executable, "-m", "bench.stream_upstream", str(port)], cores=LOAD_CORES
    ) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_for(f"{url}/counts", seconds=10)
        yield url


def counts(url: str) -> dict[str, int]:
    """The requests by key since the last call."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/counts", timeout=10) as answer:
        counted: dict[str, int] = json.load(answer)
    return counted


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
