"""The real gateway as a process of its own: `manage.py serve`.

It has its own data, environment and port.
"""

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpcore
import yaml

from tests.support import forked_process, postgres
from tests.support.forked_process import ForkedProcess
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 45
COMMAND_SECONDS = 60


def group(
    keys: Iterable[str | dict[str, str]], target_url: str, name: str = "default", **fields: Any
) -> dict[str, Any]:
    """A group of the config file."""
    return {"name": name, "target_url": target_url, "api_keys": list(keys), **fields}


@functools.cache
def migrated_template(*, has_user: bool = False) -> str:
    """What a new database is copied from, made once by this process.

    The name of one on PostgreSQL, else a file. `has_user`: a start finds its administrator, and
    spends no time on the hash of a password that nobody asks for.
    """
    directory = Path(tempfile.mkdtemp(prefix="gateway-template-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = directory / "db.sqlite3"
    url = postgres.fresh_database() if postgres.ON_POSTGRESQL else f"sqlite:///{file}"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GATEWAY_PURE": os.environ.get("GATEWAY_PURE", ""),
        "VAR_DIR": str(directory / "var"),
        "DATABASE_URL": url,
        "ENV_FILE": os.devnull,
    }
    steps = [["migrate"], ["createsuperuser", "--noinput", "--username", "nobody", "--email", ""]]
    for step in steps[: 1 + has_user]:
        done = forked_process.run(
            ["manage.py", *step, "--verbosity", "0"],
            cwd=ROOT,
            env=environment,
            timeout=COMMAND_SECONDS,
        )
        done.check_returncode()
    return url.rpartition("/")[2] if postgres.ON_POSTGRESQL else str(file)


class Gateway:
    """`config` is written to `config_path` as YAML. The data outlives `stop` and `kill`; `start`
    goes on with them.

    `program`: whose command `serve` is. `is_migrated` False: the first start finds an empty
    database. Otherwise it has its tables already, and an administrator who has no password unless
    the environment names one, which saves time. `is_forked` False: its processes are started as an
    operator does it, not forked from one that has imported Django.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None,
        *,
        env: Mapping[str, str] | None = None,
        server: str = "daphne",
        args: Sequence[str] = (),
        program: Sequence[str] = ("manage.py",),
        is_migrated: bool = True,
        is_forked: bool = True,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="gateway-test-"))
        self.config_path = self.directory / "config.yaml"
        if config is not None:
            self.config_path.touch(mode=0o600)
            self.config_path.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        self.port = free_port()
        self._args = ["--server", server, *args]
        self._program = list(program)
        self._log = self.directory / "output"
        self._log.touch()
        self._is_forked = is_forked
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        has_user = "DJANGO_SUPERUSER_PASSWORD" not in (env or {})
        self.database_url = self._database(
            migrated_template(has_user=has_user) if is_migrated else None
        )
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GATEWAY_PURE": os.environ.get("GATEWAY_PURE", ""),
            "HOME": str(self.directory),
            "VAR_DIR": str(self.directory / "var"),
            "DATABASE_URL": self.database_url,
            "ENV_FILE": os.devnull,
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }

    def _database(self, template: str | None) -> str:
        if postgres.ON_POSTGRESQL:
            return postgres.fresh_database(template) if template else postgres.fresh_database()
        path = self.directory / "db.sqlite3"
        if template:
            path.touch(mode=0o600)
            shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: object, error: object, at: object) -> None:
        if error:
            sys.stderr.write(f"--- what the gateway said ---\n{self.output()}\n")
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def _running(self) -> "subprocess.Popen[bytes] | ForkedProcess":
        assert self._process, "the gateway was not started"
        return self._process

    # Life.

    def start(self) -> Self:
        """Returns once it answers on /healthz."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            assert self._running().poll() is None, (
                f"the gateway ended at its start:\n{self.output()}"
            )
            assert time.monotonic() < deadline, (
                f"the gateway did not listen in {START_SECONDS} s:\n{self.output()}"
            )
            time.sleep(0.02)
        return self

    def launch(self) -> None:
        """Starts the process and does not wait for it to listen."""
        serve = [
            *self._program,
            "serve",
            "--config",
            str(self.config_path),
            "--port",
            str(self.port),
            *self._args,
        ]
        with self._log.open("ab") as log:
            if self._is_forked:
                self._process = forked_process.start(
                    serve, cwd=ROOT, env=self.environment, stdout=log
                )
                return
            self._process = subprocess.Popen(
                [sys.executable, *serve],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_healthy(self) -> bool:
        """Without httpx's client: making one takes longer than the answer."""
        limits = dict.fromkeys(("connect", "read", "write", "pool"), 5)
        try:
            return (
                httpcore.request(
                    "GET", f"{self.url}/healthz", extensions={"timeout": limits}
                ).status
                == 200
            )
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            return False

    def signal(self, number: int) -> None:
        self._running().send_signal(number)

    def wait(self, timeout: float = STOP_SECONDS) -> int:
        """The exit code, once it ended."""
        return self._running().wait(timeout)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL to all of its processes, as when the power fails."""
        process = self._running()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def close(self) -> None:
        """Ends what still runs and removes the data."""
        if self._process:
            self.kill()
        if postgres.ON_POSTGRESQL:
            postgres.drop_database(self.database_url)
        shutil.rmtree(self.directory, ignore_errors=True)

    # What it says.

    def output(self) -> str:
        """Everything that it wrote so far, errors included."""
        return self._log.read_text(errors="replace")

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs a management command on the same data."""
        if self._is_forked:
            return forked_process.run(
                ["manage.py", *arguments], cwd=ROOT, env=self.environment, timeout=COMMAND_SECONDS
            )
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def keys(self) -> list[dict[str, Any]]:
        """What `keys list --json` says, in the order of the rotation."""
        done = self.manage("keys", "list", "--json")
        assert done.returncode == 0, done.stderr
        listed: list[dict[str, Any]] = json.loads(done.stdout)
        return listed
