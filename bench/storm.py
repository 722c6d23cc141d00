"""Scenario (d): a quarter of 1,000 keys is spent, and 64 clients ask at once.

`python -m bench.storm HOST PORT CLIENTS REQUESTS SECONDS` is those clients, in a process of their
own: it ends after so many requests or so much time, and prints what they got as JSON.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from bench import stream_upstream
from bench.contestants import CHAT, gateway
from bench.process import CONTESTANT_CORES, LOAD_CORES, on_cores
from bench.report import BenchTarget, Section, table
from bench.stream_upstream import SPENT

SERVERS = ("daphne", "uvicorn")
KEYS = 1000
FEW_KEYS = 4
CLIENTS = 64
ENDLESS = 10**9
LONGEST_SECONDS = 4.0
STARTING_SECONDS = 6.0


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


@dataclass(frozen=True)
class Storm:
    """`refusals` and `events`: how many each spent key got from the upstream in all, and into the
    database. `late_refusals`: those of all keys after the first round.
    """

    during: StormAnswers
    after: StormAnswers
    refusals: list[int]
    events: list[int]
    late_refusals: int

    @property
    def refusals_per_key(self) -> float:
        return sum(self.refusals) / len(self.refusals)

    @property
    def failures(self) -> int:
        return self.during.failures + self.after.failures


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


def ask(url: str, *, requests: int = ENDLESS, seconds: float) -> StormAnswers:
    parts = urlsplit(url)
    command = [sys.executable, "-m", "bench.storm", str(parts.hostname), str(parts.port)]
    command += [str(CLIENTS), str(requests), str(seconds)]
    with on_cores(LOAD_CORES):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 30
        )
    return StormAnswers(**json.loads(done.stdout))


def storm(server: str, upstream: str, keys: int, spent: int, seconds: float) -> Storm:
    """During: as many requests as there are good keys, so that every spent key has its turn.

    After: at full speed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-storm-") as home:
        database = Path(home) / "db.sqlite3"
        config = {"groups": [group(upstream, keys, spent)]}
        env = {"DATABASE_URL": f"sqlite:///{database}"}
        with gateway(server, config, env=env, cores=CONTESTANT_CORES) as contestant:
            stream_upstream.counts(upstream)
            during = ask(contestant.url, requests=max(keys - spent, CLIENTS), seconds=30)
            first = refusals(upstream)
            after = ask(contestant.url, seconds=seconds)
        later = refusals(upstream)
        by_key = list((first + later).values())
        return Storm(
            during, after, padded(by_key, spent), padded(events(database), spent), later.total()
        )


def refusals(upstream: str) -> Counter[str]:
    """The 429s by key since the last call."""
    return Counter(
        {
            key: count
            for key, count in stream_upstream.counts(upstream).items()
            if key.endswith(SPENT)
        }
    )


def padded(counts: list[int], length: int) -> list[int]:
    return sorted(counts) + [0] * (length - len(counts))


def group(upstream: str, keys: int, spent: int) -> dict[str, Any]:
    """The spent keys lie evenly between the good ones."""
    every = keys / spent
    places = {int(number * every) for number in range(spent)}
    names = [f"bench-storm-{number:04}{SPENT * (number in places)}" for number in range(keys)]
    return {"name": "storm", "target_url": upstream, "auth": "google", "api_keys": names}


def events(database: Path) -> list[int]:
    """How many each key has."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT COUNT(*) FROM proxyapp_ratelimitevent GROUP BY key_id")
        return [row[0] for row in rows]


def run(seconds_budget: float) -> Section:
    seconds = min(LONGEST_SECONDS, max(1.0, seconds_budget / 4 - STARTING_SECONDS))
    many, few = {}, {}
    with stream_upstream.upstream() as upstream:
        for server in SERVERS:
            many[server] = storm(server, upstream, KEYS, KEYS // 4, seconds)
            few[server] = storm(server, upstream, FEW_KEYS, FEW_KEYS - 1, 1.0)
    return Section("(d) Storms of 429s", _lines(many, few), _targets(many))


def _lines(many: dict[str, Storm], few: dict[str, Storm]) -> list[str]:
    head = ["", "requests/s during", "p99 (ms)", "requests/s after", "p99 (ms)", "refused clients"]
    head += ["429s a spent key", "most", "events a spent key"]
    rows = [_row(f"{server}, {KEYS:,} keys", storm) for server, storm in many.items()]
    rows += [_row(f"{server}, {FEW_KEYS} keys", storm) for server, storm in few.items()]
    late = sum(storm.late_refusals for storm in (*many.values(), *few.values()))
    return [
        (
            f"{CLIENTS} clients; a quarter of {KEYS:,} keys is spent, and three of {FEW_KEYS}."
            " During: the first round over the keys. After: when every spent key is out."
        ),
        "",
        *table(head, rows),
        "",
        (
            f"With {FEW_KEYS} keys and {CLIENTS} clients, many requests are on their way with each"
            " key before the first answer says that it is spent: those are the 429s of the lower"
            f" rows. After the first round, {late} requests were sent with a spent key."
        ),
    ]


def _row(name: str, storm: Storm) -> list[str]:
    return [
        name,
        f"{storm.during.per_second:,.0f}",
        f"{storm.during.p99:.0f}",
        f"{storm.after.per_second:,.0f}",
        f"{storm.after.p99:.0f}",
        f"{storm.failures}",
        f"{storm.refusals_per_key:.2f}",
        f"{max(storm.refusals)}",
        f"{min(storm.events)} to {max(storm.events)}",
    ]


def _targets(storms: dict[str, Storm]) -> list[BenchTarget]:
    targets = []
    for server, storm in storms.items():
        answers = f"{storm.failures} of others"
        refusals = f"{storm.refusals_per_key:.2f}, most {max(storm.refusals)}"
        events = f"{min(storm.events)} to {max(storm.events)}"
        targets += [
            BenchTarget(
                f"Storm, {server}: clients get 200s only",
                "0 of others",
                answers,
                storm.failures == 0,
            ),
            BenchTarget(
                f"Storm, {server}: 429s a spent key", "1", refusals, set(storm.refusals) == {1}
            ),
            BenchTarget(
                f"Storm, {server}: events a spent key", "1", events, set(storm.events) == {1}
            ),
        ]
    return targets


if __name__ == "__main__":
    if len(sys.argv) == 6:
        host, port, clients, requests, seconds = sys.argv[1:]
        got = uvloop.run(crowd(host, int(port), int(clients), int(requests), float(seconds)))
        print(json.dumps(asdict(got)))
    else:
        print(run(28).markdown())
