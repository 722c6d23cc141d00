"""The clients of `bench.storm`, in a process of their own.

`python -m bench.storm_clients HOST PORT CLIENTS REQUESTS SECONDS`: they end after so many requests
or so much time, and what they got is printed as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import uvloop

from bench.contestants import CHAT
from bench.process import LOAD_CORES, on_cores

CLIENTS = 64
ENDLESS = 10**9


@dataclass(frozen=True)
class StormAnswers:
    """What the clients got. Times in ms."""

    statuses: dict[str, int]
    per_second: float
    p50: float
    p99: float

    @property
    def failures(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != "200")


def ask(url: str, *, requests: int = ENDLESS, seconds: float) -> StormAnswers:
    parts = urlsplit(url)
    command = [sys.executable, "-m", "bench.storm_clients", str(parts.hostname), str(parts.port)]
    command += [str(CLIENTS), str(requests), str(seconds)]
    with on_cores(LOAD_CORES):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 30
        )
    return StormAnswers(**json.loads(done.stdout))


class StormClient(asyncio.Protocol):
    """Asks again as soon as it has its answer, as long as `crowd` goes on."""

    transport: asyncio.Transport

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._buffer = b""
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is a transport in all but its class
        self._ask()

    def _ask(self) -> None:
        if self._crowd.may_ask():
            self._asked_at = time.perf_counter()
            self.transport.write(self._crowd.request)
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, length = head.lower().partition(b"content-length:")
        if len(body) < int(length.split(b"\r\n")[0] or b"0"):
            return
        self._buffer = b""
        self._crowd.count(head[9:12].decode(), time.perf_counter() - self._asked_at)
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.leave(was_waiting=self._asked_at > 0 and error is not None)


class Crowd:
    def __init__(self, request: bytes, clients: int, requests: int, seconds: float) -> None:
        self.request = request
        self.is_over = asyncio.Event()
        self._left = requests
        self._open = clients
        self._until = time.perf_counter() + seconds
        self.statuses = Counter[str]()
        self.seconds: list[float] = []

    def may_ask(self) -> bool:
        self._left -= 1
        return self._left >= 0 and time.perf_counter() < self._until

    def count(self, status: str, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)

    def leave(self, *, was_waiting: bool) -> None:
        self.statuses["broken"] += was_waiting
        self._open -= 1
        if not self._open:
            self.is_over.set()


async def crowd(host: str, port: int, clients: int, requests: int, seconds: float) -> StormAnswers:
    """After `seconds`, who still waits is given ten more."""
    body = CHAT.encode()
    head = f"POST /v1beta/openai/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    everyone = Crowd(head.encode() + body, clients, requests, seconds)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    await asyncio.gather(
        *(loop.create_connection(lambda: StormClient(everyone), host, port) for _ in range(clients))
    )
    async with asyncio.timeout(seconds + 10):
        await everyone.is_over.wait()
    took = time.perf_counter() - began
    times = sorted(everyone.seconds) or [0.0]
    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    return StormAnswers(dict(+everyone.statuses), len(everyone.seconds) / took, p50, p99)


if __name__ == "__main__":
    host, port, clients, requests, seconds = sys.argv[1:]
    got = uvloop.run(crowd(host, int(port), int(clients), int(requests), float(seconds)))
    print(json.dumps(asdict(got)))
