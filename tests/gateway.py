"""The real gateway as a process of its own: `manage.py serve` with its own data, environment and port."""

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
from types import TracebackType
from typing import Any

import httpx
import yaml

from tests import postgres
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 45
COMMAND_SECONDS = 60


def group(
    keys: Iterable[str | dict[str, str]], target_url: str, name: str = "default", **fields: Any
) -> dict[str, Any]:
    """A group of the config file."""
    return {"name": name, "target_url": target_url, "api_keys": list(keys), **fields}


@functools.cache
def migrated_template() -> str:
    """What a new database is copied from, made once by this process: the name of one on PostgreSQL, else a file."""
    on_postgresql = os.environ.get("TEST_DATABASE") == "postgresql"
    directory = Path(tempfile.mkdtemp(prefix="gateway-template-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = directory / "db.sqlite3"
    url = postgres.fresh_database() if on_postgresql else f"sqlite:///{file}"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "VAR_DIR": str(directory / "var"),
        "DATABASE_URL": url,
        "ENV_FILE": os.devnull,
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS, check=True)
    return url.rpartition("/")[2] if on_postgresql else str(file)


class Gateway:
    """`config` is written to `config_path` as YAML. The data outlives `stop` and `kill`; `start` goes on with them.

    `is_migrated` False: the first start finds an empty database. Otherwise it has its tables already, which saves time.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None,
        *,
        env: Mapping[str, str] | None = None,
        server: str = "daphne",
        args: Sequence[str] = (),
        is_migrated: bool = True,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="gateway-test-"))
        self.config_path = self.directory / "config.yaml"
        if config is not None:
            self.config_path.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        self.port = free_port()
        self._args = ["--server", server, *args]
        self._log = self.directory / "output"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None
        self._on_postgresql = os.environ.get("TEST_DATABASE") == "postgresql"
        self.database_url = self._database(is_migrated=is_migrated)
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.directory),
            "VAR_DIR": str(self.directory / "var"),
            "DATABASE_URL": self.database_url,
            "ENV_FILE": os.devnull,
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }

    def _database(self, *, is_migrated: bool) -> str:
        if self._on_postgresql:
            return postgres.fresh_database(migrated_template()) if is_migrated else postgres.fresh_database()
        path = self.directory / "db.sqlite3"
        if is_migrated:
            shutil.copyfile(migrated_template(), path)
        return f"sqlite:///{path}"

    def __enter__(self) -> "Gateway":
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error:
            sys.stderr.write(f"--- what the gateway said ---\n{self.output()}\n")
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process, "the gateway was not started"
        return self._process

    # Life.

    def start(self) -> "Gateway":
        """Returns once it answers on /healthz."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            assert self._running().poll() is None, f"the gateway ended at its start:\n{self.output()}"
            assert time.monotonic() < deadline, f"the gateway did not listen in {START_SECONDS} s:\n{self.output()}"
            time.sleep(0.05)
        return self

    def launch(self) -> None:
        """Starts the process and does not wait for it to listen."""
        command = [sys.executable, "manage.py", "serve", "--config", str(self.config_path), "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._args],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
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
        if self._on_postgresql:
            postgres.drop_database(self.database_url)
        shutil.rmtree(self.directory, ignore_errors=True)

    # What it says.

    def output(self) -> str:
        """Everything that it wrote so far, errors included."""
        return self._log.read_text(errors="replace")

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs a management command on the same data."""
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
