"""The gateway's process: `manage.py serve` with data, settings and a port of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import yaml

from proxyapp.process.listener import ListenError, bind_exclusively

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
PORTS = range(8080, 8180)
POLL_SECONDS = 0.1
STOP_SECONDS = 10.0
USER, PASSWORD = "admin", "only-for-the-demo"


class PartFailed(Exception):
    """A part of the demo ended by itself; the text says which and why."""


def first_free_port() -> int:
    """Raises PartFailed."""
    for port in PORTS:
        with suppress(ListenError):
            bind_exclusively(HOST, port).close()
            return port
    raise PartFailed(
        f"The ports {PORTS[0]} to {PORTS[-1]} are all in use: choose another one with --port."
    )


class Gateway:
    """Runs while it is entered; everything that it writes is below `directory`.

    `place`: the settings by which commands find its data, whatever else the environment says.
    """

    def __init__(self, directory: Path, port: int, config: Mapping[str, Any]) -> None:
        self.url = f"http://{HOST}:{port}"
        self.log = directory / "gateway.log"
        var = directory / "var"
        self.place = {
            "ENV_FILE": os.devnull,
            "VAR_DIR": str(var),
            "DATABASE_URL": f"sqlite:///{var / 'db.sqlite3'}",
            "SECRET_KEY": "",
        }
        self._config = directory / "config.yaml"
        self._config.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(directory),
            "TMPDIR": str(directory),
            **self.place,
            "DJANGO_SUPERUSER_USERNAME": USER,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "SHUTDOWN_TIMEOUT_SECONDS": "5",
            "PYTHONUNBUFFERED": "1",
        }

    async def __aenter__(self) -> "Gateway":
        self._process = await self._start("manage.py", "serve", "--config", str(self._config))
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def listening(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as http:
            while not await _is_healthy(http):
                await asyncio.sleep(POLL_SECONDS)

    async def watch(self) -> None:
        """Raises PartFailed once it ended."""
        code = await self._process.wait()
        raise PartFailed(f"The gateway ended with code {code}: {self._last_line()}")

    async def run_module(self, name: str) -> None:
        """Beside the gateway, on the same data. Raises PartFailed."""
        process = await self._start("-m", name)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if code:
            raise PartFailed(f"{name} ended with code {code}: {self._last_line()}")

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        """In a session of its own: the terminal's Ctrl-C is for the demo, which then ends it."""
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                cwd=ROOT,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


async def _is_healthy(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False
