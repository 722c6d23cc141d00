"""Processes of a benchmark: on given cores, with their log, their memory, and a certain end."""

import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

CORES = sorted(os.sched_getaffinity(0))
LOAD_CORES = frozenset(CORES[:1])
"""The load generator's and the upstream's; with a single core everything shares it."""
CONTESTANT_CORES = frozenset(CORES[1:2] or CORES)
START_SECONDS = 90.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
"""A start of a second is timed to a hundredth."""
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def end_on_sigterm() -> None:
    """What was started is ended too: `running` sees an exception."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def raise_file_limit() -> None:
    """Children inherit it: 2,000 streams are 4,000 sockets of the gateway's process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class StartFailed(Exception):
    """The text says what the process wrote last."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def on_cores(cores: Collection[int] | None) -> Iterator[None]:
    """What is started meanwhile runs there; None: wherever this process may."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    cores: Collection[int] | None = None,
) -> Iterator["BenchProcess"]:
    """Ends it and all that it started, however the block ends."""
    with tempfile.TemporaryFile() as log:
        with on_cores(cores):
            child = subprocess.Popen(
                command,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield BenchProcess(child, log.fileno())
        finally:
            _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(STOP_SECONDS)


class BenchProcess:
    def __init__(self, child: "subprocess.Popen[bytes]", log: int) -> None:
        self._child = child
        self._log = log
        self.pid = child.pid

    def output(self, last: int = 2000) -> str:
        """The end of what it wrote."""
        size = os.fstat(self._log).st_size
        return os.pread(self._log, last, max(0, size - last)).decode(errors="replace").strip()

    def wait_for(self, url: str, seconds: float = START_SECONDS) -> None:
        """Until the URL answers, with whatever status."""
        deadline = time.monotonic() + seconds
        while not _answers(url):
            if self._child.poll() is not None:
                raise StartFailed(f"it ended with code {self._child.returncode}: {self.output()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"it did not answer within {seconds:g} s: {self.output()}")
            time.sleep(POLL_SECONDS)

    def wait_for_line(self, start: str, seconds: float = START_SECONDS) -> str:
        """The first line that it writes that begins so."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.output().splitlines():
                if line.startswith(start):
                    return line
            if self._child.poll() is not None:
                raise StartFailed(f"it ended with code {self._child.returncode}: {self.output()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"it did not say {start}… within {seconds:g} s: {self.output()}")
            time.sleep(POLL_SECONDS)

    def cpu_seconds(self) -> float:
        """Of all its processes, so far."""
        return sum(_cpu_seconds(pid) for pid in tree(self.pid))

    def rss_mb(self) -> float:
        return memory_mb(self.pid, "VmRSS")

    def pss_mb(self) -> float:
        """What is shared with other processes is divided among them."""
        return memory_mb(self.pid, "Pss", "smaps_rollup")

    def reset_peak(self) -> None:
        """`peak_mb` counts from now on.

        Where the kernel refuses, it counts from the start: an upper bound.
        """
        for pid in tree(self.pid):
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        return memory_mb(self.pid, "VmHWM")


def _cpu_seconds(pid: int) -> float:
    """User and system time; fields 14 and 15 of proc(5)'s stat, after the name in brackets."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answers(url: str) -> bool:
    try:
        _direct.open(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for children in Path(f"/proc/{each}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
    return found


def memory_mb(pid: int, field: str, file: str = "status", *, is_alone: bool = False) -> float:
    """A field of /proc/PID/FILE, in MB of 10^6 bytes: of the process and all below it, or alone."""
    pids = [pid] if is_alone else tree(pid)
    return sum(_field_kib(each, field, file) for each in pids) * 1024 / 1e6


def _field_kib(pid: int, field: str, file: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0
