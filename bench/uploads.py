"""Uploads in parts: MB/s and memory of the gateway, beside nginx as a proxy on the same run.

`python -m bench.uploads`. A client sends 2 GB in parts of 8 MB to `bench.sink`, one after the other
as Google's clients do: through the gateway, where each goes to the key that began, and through
nginx, as it comes (it keeps a part before it asks) and told to pass a part on as it comes.
"""

import re
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from urllib.parse import urlsplit

from bench import contestants, nginx
from bench.process import CONTESTANT_CORES, LOAD_CORES, BenchProcess, free_port, on_cores, running
from bench.report import table

MB = 1_000_000
PART_BYTES = 8 << 20
PARTS = 256
ROUNDS = 3
PIECE_BYTES = 256 * 1024
TIMEOUT_SECONDS = 60.0
FILES = "/upload/v1beta/files"
START = "x-goog-upload-protocol: resumable\r\nx-goog-upload-command: start\r\n"
UPLOAD_URL = re.compile(rb"x-goog-upload-url: (?:https?://[^/]+)?(\S+)", re.IGNORECASE)
UNBUFFERED = "proxy_request_buffering off;"
Way = tuple[str, BenchProcess]


class Uploader:
    """One client on one connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS)
        self._piece = memoryview(bytes(PIECE_BYTES))

    def begin(self) -> str:
        """Where the parts go."""
        self._send_head(FILES, START, 0)
        found = UPLOAD_URL.search(self._answer())
        if found is None:
            raise RuntimeError("there is no upload URL in the answer")
        return found[1].decode()

    def part(self, target: str, offset: int) -> None:
        command = f"x-goog-upload-command: upload\r\nx-goog-upload-offset: {offset}\r\n"
        self._send_head(target, command, PART_BYTES)
        for start in range(0, PART_BYTES, PIECE_BYTES):
            self._socket.sendall(self._piece[: PART_BYTES - start])
        if b'{"read": %d}' % PART_BYTES not in self._answer():
            raise RuntimeError("a part did not arrive")

    def close(self) -> None:
        self._socket.close()

    def _send_head(self, target: str, headers: str, length: int) -> None:
        head = f"POST {target} HTTP/1.1\r\nhost: gateway\r\n{headers}content-length: {length}\r\n"
        self._socket.sendall(f"{head}\r\n".encode())

    def _answer(self) -> bytes:
        """Head and body: they are short, and the body ends in a brace."""
        answer = b""
        while not answer.endswith(b"}"):
            data = self._socket.recv(65536)
            if not data:
                raise RuntimeError(f"broken off after {answer[:300]!r}")
            answer += data
        return answer


def upload(url: str) -> float:
    """MB/s."""
    uploader = Uploader(url)
    target = uploader.begin()
    began_at = time.monotonic()
    for number in range(PARTS):
        uploader.part(target, number * PART_BYTES)
    seconds = time.monotonic() - began_at
    uploader.close()
    return PARTS * PART_BYTES / MB / seconds


@contextmanager
def ways() -> Iterator[dict[str, Way]]:
    port, cores = free_port(), CONTESTANT_CORES
    with ExitStack() as stack:
        command = [sys.executable, "-m", "bench.sink", str(port)]
        sink = stack.enter_context(running(command, cwd=contestants.ROOT, cores=LOAD_CORES))
        url = f"http://127.0.0.1:{port}"
        sink.wait_for(url)
        found: dict[str, Way] = {}
        for server in ("uvicorn", "daphne"):
            config = {"groups": [contestants.group(url, auth="google")]}
            gateway = stack.enter_context(contestants.gateway(server, config, cores=cores))
            found[f"gateway, {server}"] = gateway.url, gateway.process
        found["nginx as it comes"] = stack.enter_context(nginx.proxy(url, cores))
        found["nginx, unbuffered"] = stack.enter_context(nginx.proxy(url, cores, UNBUFFERED))
        yield found


def lines() -> Iterator[str]:
    rates: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, list[float]] = defaultdict(list)
    with ways() as found, on_cores(LOAD_CORES):
        for _ in range(ROUNDS):
            for name, (url, process) in found.items():
                process.reset_peak()
                before = process.peak_mb()
                rates[name].append(upload(url))
                peaks[name].append(process.peak_mb() - before)
    yield f"{PARTS} parts of {PART_BYTES / MB:.1f} MB, medians of {ROUNDS} rounds.\n"
    head = ["", "MB/s", "of nginx as it comes", "grown, MB"]
    yield from table(head, [_row(name, rates, peaks) for name in rates])


def _row(
    name: str, rates: Mapping[str, Sequence[float]], peaks: Mapping[str, Sequence[float]]
) -> list[str]:
    rate, limit = median(rates[name]), median(rates["nginx as it comes"])
    return [name, f"{rate:,.0f}", f"{rate / limit:.2f}", f"{max(peaks[name]):.1f}"]


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
