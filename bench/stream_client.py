"""The readers of many streams at once, in a process of their own.

All start within START_SECONDS, and each event is timed. `python -m bench.stream_client HOST PORT
STREAMS EVENTS` prints the figures as JSON.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import uvloop

from bench.process import LOAD_CORES, on_cores
from bench.stream_upstream import EVENTS_PER_SECOND, LAST_CHUNK, MARK, STREAM_PATH

START_SECONDS = 0.25
SETTLE_SECONDS = 0.5
PATIENCE_SECONDS = 15.0
BODY = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}).encode()


@dataclass(frozen=True)
class StreamFigures:
    """`first_p50` and `first_p99`: ms from the start of the connection to the first event.

    `per_second` is counted from SETTLE_SECONDS to the time at which the upstream writes the last
    event. `worst_gap`: ms between two events.
    """

    first_p50: float
    first_p99: float
    per_second: float
    sent_per_second: float
    worst_gap: float
    received: int
    sent: int
    errors: int
    why: dict[str, int] = field(default_factory=dict)


class StreamWindow:
    """Counts the events of all streams between two instants."""

    def __init__(self, begins: float, ends: float) -> None:
        self.begins = begins
        self.ends = ends
        self.events = 0


class StreamReading(asyncio.Protocol):
    """One stream. `end` is resolved when the connection is over."""

    def __init__(self, request: bytes, expected: int, window: StreamWindow) -> None:
        self.started_at = time.perf_counter()
        self.first_at = 0.0
        self.worst_gap = 0.0
        self.received = 0
        self.status = b""
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._expected = expected
        self._window = window
        self._last_at = 0.0
        self._head = b""
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]  # uvloop's is a transport in all but its class

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.status:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self.status = head[9:12]
        self._tail = (self._tail + data[-len(LAST_CHUNK) :])[-len(LAST_CHUNK) :]
        if events := data.count(MARK):
            self._count(events, now)

    def _count(self, events: int, now: float) -> None:
        if self.first_at:
            self.worst_gap = max(self.worst_gap, now - self._last_at)
        else:
            self.first_at = now
        self._last_at = now
        self.received += events
        if self._window.begins <= now < self._window.ends:
            self._window.events += events

    def connection_lost(self, error: Exception | None) -> None:
        if not self.end.done():
            self.end.set_result(None)

    def failure(self) -> str:
        """Empty when every event and the end of the stream arrived."""
        if not self.status:
            return "no answer"
        if self.status != b"200":
            return f"status {self.status.decode()}"
        if self.received != self._expected:
            return "events are missing"
        return "no end" if self._tail != LAST_CHUNK or self.end.cancelled() else ""


async def read_streams(host: str, port: int, streams: int, events: int) -> StreamFigures:
    loop = asyncio.get_running_loop()
    head = (
        f"POST {STREAM_PATH}?alt=sse&events={events} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Connection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    )
    request = head.encode() + BODY
    seconds = events / EVENTS_PER_SECOND
    begin = time.perf_counter() + 0.1
    window = StreamWindow(begin + SETTLE_SECONDS, begin + seconds)
    readings: list[StreamReading] = []

    async def read(number: int) -> None:
        await asyncio.sleep(begin + START_SECONDS * number / streams - time.perf_counter())
        reading = StreamReading(request, events, window)
        readings.append(reading)
        await loop.create_connection(lambda: reading, host, port)
        await reading.end

    tasks = [loop.create_task(read(number)) for number in range(streams)]
    await asyncio.wait(tasks, timeout=seconds + PATIENCE_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return figures(readings, window, streams, events)


def figures(
    readings: list[StreamReading], window: StreamWindow, streams: int, events: int
) -> StreamFigures:
    firsts = sorted(
        (each.first_at - each.started_at) * 1000 for each in readings if each.first_at
    ) or [0.0]
    failures = [failure for each in readings if (failure := each.failure())]
    return StreamFigures(
        first_p50=statistics.median(firsts),
        first_p99=firsts[int(len(firsts) * 0.99)],
        per_second=window.events / (window.ends - window.begins),
        sent_per_second=float(streams * EVENTS_PER_SECOND),
        worst_gap=max((each.worst_gap * 1000 for each in readings), default=0.0),
        received=sum(each.received for each in readings),
        sent=streams * events,
        errors=streams - len(readings) + len(failures),
        why={failure: failures.count(failure) for failure in set(failures)},
    )


def measure(url: str, streams: int, seconds: float) -> StreamFigures:
    """In a process on the load's cores."""
    parts = urlsplit(url)
    events = max(round(seconds * EVENTS_PER_SECOND), EVENTS_PER_SECOND)
    command = [
        sys.executable,
        "-m",
        __name__,
        str(parts.hostname),
        str(parts.port),
        str(streams),
        str(events),
    ]
    with on_cores(LOAD_CORES):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + PATIENCE_SECONDS + 30,
        )
    return StreamFigures(**json.loads(done.stdout))


if __name__ == "__main__":
    host, port, streams, events = sys.argv[1:]
    print(json.dumps(asdict(uvloop.run(read_streams(host, int(port), int(streams), int(events))))))
