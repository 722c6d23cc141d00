"""(c) Large bodies: MB/s, and how far the process grows meanwhile.

The client is threads with plain sockets and the upstream is `bench.sink` (bodies) or nginx
(answers), so that the gateway is what limits. Memory is the kernel's own peak (VmHWM), set back
before each measurement.
"""

import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

from bench import contestants, nginx
from bench.contestants import ROOT, Contestant
from bench.process import CONTESTANT_CORES, LOAD_CORES, StartFailed, free_port, on_cores, running
from bench.report import BenchTarget, Section, brief, not_measured, table

MB = 1_000_000
AT_ONCE = 4
PIECE_BYTES = 256 * 1024
TIMEOUT_SECONDS = 20.0
PAUSE_SECONDS = 0.01
"""Of a slow client, after each piece: about 20 MB/s."""
CEILING_MB = 40.0
SINK = "/g/sink/upload/v1beta/files"
LARGE = f"/g/files{nginx.LARGE_PATH}"


class BodyFailed(Exception):
    """A transfer was not answered with 200 and in full."""


@dataclass(frozen=True)
class BodyCase:
    name: str
    count: int
    transfer: Callable[[str], int]
    """To or from the gateway with this URL; returns the bytes moved."""


@dataclass(frozen=True)
class Figure:
    mb_per_second: float
    grown_mb: float


@dataclass
class BodyServer:
    gateway: Contestant
    idle_mb: float
    figures: dict[str, list[Figure]]

    def mb_per_second(self, case: BodyCase) -> float:
        return median(figure.mb_per_second for figure in self.figures[case.name])

    def grown_mb(self, case: BodyCase) -> float:
        """The worst of all rounds."""
        return max(figure.grown_mb for figure in self.figures[case.name])


def upload(url: str, size: int) -> int:
    piece = memoryview(bytes(PIECE_BYTES))
    with _connection(url) as connection:
        connection.sendall(
            _head(
                "POST",
                SINK,
                f"content-type: application/octet-stream\r\ncontent-length: {size}\r\n",
            )
        )
        for start in range(0, size, PIECE_BYTES):
            connection.sendall(piece[: size - start])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    if not answer.startswith(b"HTTP/1.1 200") or b'{"read": %d}' % size not in answer:
        raise BodyFailed(f"a body of {size} bytes got {answer[:300]!r}")
    return size


def download(url: str, pause_seconds: float = 0.0) -> int:
    buffer = bytearray(PIECE_BYTES)
    with _connection(url) as connection:
        connection.sendall(_head("GET", LARGE, ""))
        start = connection.recv(65536)
        head, _, rest = start.partition(b"\r\n\r\n")
        received = len(rest)
        while count := connection.recv_into(buffer):
            received += count
            if pause_seconds:
                time.sleep(pause_seconds)
    if not head.startswith(b"HTTP/1.1 200") or received != nginx.LARGE_BYTES:
        raise BodyFailed(f"{received} bytes after {head[:300]!r}")
    return received


@contextmanager
def _connection(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=TIMEOUT_SECONDS
    ) as connection:
        yield connection


def _head(method: str, path: str, headers: str) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n{headers}\r\n".encode()
    )


CASES = (
    BodyCase("1 MB request bodies", 40, lambda url: upload(url, MB)),
    BodyCase("20 MB request bodies", 8, lambda url: upload(url, 20 * MB)),
    BodyCase("20 MB answers", 8, download),
    BodyCase("20 MB answers to slow clients", 4, lambda url: download(url, PAUSE_SECONDS)),
)


def run(rounds: int) -> Section:
    with ExitStack() as stack:
        try:
            servers = {name: stack.enter_context(_server(name)) for name in ("daphne", "uvicorn")}
            for _ in range(rounds):
                for case in CASES:
                    for server in servers.values():
                        server.figures[case.name].append(_measure(server, case))
        except (StartFailed, BodyFailed, OSError) as error:
            reason = brief(error)
            failed = not_measured(
                "memory over idle with bodies of 20 MB", f"< {CEILING_MB:g} MB", reason
            )
            return Section("(c) Large bodies", [f"Not measured: {reason}"], [failed])
        return Section("(c) Large bodies", list(_lines(servers, rounds)), list(_targets(servers)))


@contextmanager
def _server(name: str) -> Iterator[BodyServer]:
    with nginx.upstream() as files, _sink() as sink:
        groups = [contestants.group(files, name="files"), contestants.group(sink, name="sink")]
        with (
            contestants.gateway(name, {"groups": groups}, cores=CONTESTANT_CORES) as gateway,
            on_cores(LOAD_CORES),
        ):
            upload(gateway.url, 1000)
            yield BodyServer(gateway, gateway.rss_mb(), defaultdict(list))


@contextmanager
def _sink() -> Iterator[str]:
    port = free_port()
    with running(
        [sys.executable, "-m", "bench.sink", str(port)], cwd=ROOT, cores=LOAD_CORES
    ) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_for(url)
        yield url


def _measure(server: BodyServer, case: BodyCase) -> Figure:
    gateway = server.gateway
    gateway.process.reset_peak()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        started = time.monotonic()
        moved = sum(threads.map(case.transfer, [gateway.url] * case.count))
        seconds = time.monotonic() - started
    return Figure(moved / MB / seconds, gateway.process.peak_mb() - server.idle_mb)


def _lines(servers: dict[str, BodyServer], rounds: int) -> Iterator[str]:
    yield (
        f"{AT_ONCE} at a time, each on a connection of its own; medians of {rounds} rounds, and"
        " the highest peak of all rounds over the idle process. Bodies above 1 MiB wait in a"
        " temporary file, so that another key can get them whole. A slow client reads"
        f" {PIECE_BYTES / PAUSE_SECONDS / MB:.0f} MB/s at most."
    )
    yield ""
    head = [
        "what",
        *(f"{name}, {unit}" for name in servers for unit in ("MB/s", "peak over idle, MB")),
    ]
    yield from table(head, (_row(case, servers) for case in CASES))
    idle = ", ".join(f"{name} {server.idle_mb:.0f} MB" for name, server in servers.items())
    yield f"\nIdle: {idle}."


def _row(case: BodyCase, servers: dict[str, BodyServer]) -> list[str]:
    cells = [case.name]
    for server in servers.values():
        cells += [f"{server.mb_per_second(case):,.0f}", f"{server.grown_mb(case):.1f}"]
    return cells


def _targets(servers: dict[str, BodyServer]) -> Iterator[BenchTarget]:
    for name, server in servers.items():
        for label, cases in (("request bodies", CASES[1:2]), ("answers", CASES[2:])):
            worst = max(server.grown_mb(case) for case in cases)
            text = f"memory over idle, 20 MB {label}, {AT_ONCE} at a time, {name}"
            yield BenchTarget(text, f"< {CEILING_MB:g} MB", f"{worst:.1f} MB", worst < CEILING_MB)
