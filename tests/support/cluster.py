"""A PostgreSQL of a test's own, to be broken: stopped, killed, frozen, filled to the brim."""

import os
import secrets
import select
import signal
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.support import postgres
from tests.support.ports import free_port

# What it says that it has committed must survive its crash (not the machine's).
OPTIONS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=on",
)
SIZE = "120m"
MOST_LOG_FILES = 50


class Cluster:
    """`has_own_disk`: its data is on a small disk of its own, if this machine lets us mount one."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        directory = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="gateway-cluster-")
        )
        self._directory = Path(directory)
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_hex(16)
        self.has_own_disk = False

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    @property
    def password(self) -> str:
        return self._password

    def __enter__(self) -> "Cluster":
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self.stop()
        self._stack.close()

    def _prepare(self) -> None:
        self._binaries, self._as_user = postgres._binaries(self._directory)
        self._mount()
        postgres._initialise(self._directory, self._binaries, self._as_user, self._password)

    def _mount(self) -> None:
        data, user = self._directory / "data", self._as_user.get("user")
        if user is None:
            return
        options = f"size={SIZE},mode=700,uid={user},gid={self._as_user['group']}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data)],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            self.has_own_disk = True
            self._stack.callback(subprocess.run, ["umount", "-l", str(data)], check=True)

    def start(self) -> None:
        command = [str(self._binaries / "postgres"), "-D", str(self._directory / "data")]
        command += [part for option in (*OPTIONS, f"port={self._port}") for part in ("-c", option)]
        log = self._directory / "log"
        with log.open("ab") as output:
            self._server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._as_user,
            )
        postgres.wait_until_it_answers(self._server, self.url, log)

    def stop(self) -> None:
        """At once, as `pg_ctl stop -m immediate`."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        server, self._server = self._server, None
        if server is not None:
            children = self._children(server.pid)
            server.send_signal(number)
            server.wait(20)
            for child in children:
                _wait_for_the_end(child)

    def freeze(self) -> None:
        """It stays connected and answers nothing; the kernel goes on to take connections."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        if self._server is not None:
            for process in (self._server.pid, *self._children(self._server.pid)):
                os.kill(process, number)

    @staticmethod
    def _children(process: int) -> list[int]:
        return [
            int(child)
            for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()
        ]

    def fill(self) -> None:
        """Nothing more can be written to its disk, not even to the log files that were ready."""
        rest = os.open(self._directory / "data" / "rest", os.O_WRONLY | os.O_CREAT, 0o600)
        for size in (2**20, 4096):
            with suppress(OSError):
                while os.write(rest, bytes(size)):
                    pass
        os.close(rest)
        with suppress(psycopg.Error):
            for _ in range(MOST_LOG_FILES):
                self.ask("SELECT pg_logical_emit_message(true, 'gateway', 'full')")
                self.ask("SELECT pg_switch_wal()")

    def empty(self) -> None:
        """Starts the server again, as its operators would.

        A full disk has ended it, or will in a moment.
        """
        (self._directory / "data" / "rest").unlink()
        self.stop()
        self.start()

    def end_sessions(self) -> None:
        others = "pid <> pg_backend_pid() AND usename = user"
        self.ask(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}")

    def ask(self, statement: str) -> Any:
        """The first value, if there is one."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            answer = connection.execute(statement.encode())
            row = answer.fetchone() if answer.description else None
            return row[0] if row else None


def _wait_for_the_end(process: int) -> None:
    """Of a child of the server's: not ours to wait for in the usual way."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    select.select([descriptor], [], [], 20)
    os.close(descriptor)
