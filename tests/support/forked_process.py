"""Python programs as forks of one process, which has imported their libraries.

They are like subprocess, at a third of the cost. A program that is looked at in the list of
processes, or whose very start is the matter, is better run by subprocess.
"""

import atexit
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.support.fork_server import LENGTH, NUMBER, Job
from tests.support.preloaded import GATEWAY, LIBRARIES, WITH_DJANGO

ROOT = Path(__file__).resolve().parents[2]
ANSWER_SECONDS = 60
SETTINGS = "gateway.settings"


class ForkedProcess:
    """The part of subprocess.Popen that tests use."""

    def __init__(self, pid: int, arguments: Sequence[str], exit_file: int) -> None:
        self.pid = pid
        self.args = list(arguments)
        self.returncode: int | None = None
        self._exit_file = exit_file
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        """The exit code; None while it runs."""
        with self._lock:
            if self.returncode is None and select.select([self._exit_file], [], [], timeout)[0]:
                said = os.read(self._exit_file, NUMBER.size)
                os.close(self._exit_file)
                assert said, "the fork server ended before its child"
                self.returncode = NUMBER.unpack(said)[0]
            return self.returncode


class Forks:
    """A fork server, seen from the tests."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(ANSWER_SECONDS)
        self._lock = threading.Lock()
        command = [
            sys.executable,
            "-m",
            "tests.support.fork_server",
            str(theirs.fileno()),
            *modules,
        ]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_PURE": _purity(os.environ),
        }
        with theirs:
            self._server = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.close)

    def start(self, job: Job, files: Sequence[int]) -> ForkedProcess:
        reading, writing = os.pipe()
        try:
            with self._lock:
                message = job.pack()
                socket.send_fds(self._control, [message[: LENGTH.size]], [*files, writing])
                self._control.sendall(message[LENGTH.size :])
                answer = self._control.recv(NUMBER.size)
        finally:
            os.close(writing)
        assert answer, "the fork server has ended"
        return ForkedProcess(NUMBER.unpack(answer)[0], job.arguments, reading)

    def close(self) -> None:
        self._control.close()
        self._server.wait(ANSWER_SECONDS)


@functools.cache
def forks(*modules: str) -> Forks:
    """One of each kind for this process, from the first time that it is wanted."""
    return Forks(modules)


def modules_for(job: Job) -> tuple[str, ...]:
    """What it would import anyway, as far as it can be told from its arguments."""
    if not _runs_this_gateway(job):
        return LIBRARIES
    if _is_command(job) and job.environment.get("DJANGO_SETTINGS_MODULE") in (None, SETTINGS):
        return (*LIBRARIES, *GATEWAY, *WITH_DJANGO)
    return (*LIBRARIES, *GATEWAY)


def _runs_this_gateway(job: Job) -> bool:
    """Whether it would import the modules of this checkout, and choose as this process did."""
    is_here = Path(job.directory) == ROOT or _is_command(job)
    return is_here and _purity(job.environment) == _purity(os.environ)


def _is_command(job: Job) -> bool:
    return Path(job.directory, job.arguments[0]) == ROOT / "manage.py"


def _purity(environment: Mapping[str, str]) -> str:
    return environment.get("GATEWAY_PURE", "")


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[Any],
    stderr: IO[Any] | None = None,
) -> ForkedProcess:
    """Runs `python ARGUMENTS`, in a session of its own and without input.

    Errors go where the output goes.
    """
    files = [stdout.fileno(), (stderr or stdout).fileno()]
    with Path(os.devnull).open("rb") as nothing:
        job = Job(list(arguments), dict(env), str(cwd))
        return forks(*modules_for(job)).start(job, [nothing.fileno(), *files])


def run(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """As subprocess.run does it with `capture_output` and `text`."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(arguments, cwd=cwd, env=env, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            raise
        said = [_all_of(file) for file in (stdout, stderr)]
    return subprocess.CompletedProcess(list(arguments), code, *said)


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
