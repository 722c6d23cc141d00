"""What stands between the load and the upstream: its shape, and the gateway itself."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.process import BenchProcess, free_port, running

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".bench"
OPENAI_PATH = "/v1beta/openai/chat/completions"
PLAIN_PATH = "/v1/chat/completions"
MODEL = "gemini-2.5-flash"
MANAGE_SECONDS = 120


def chat(model: str = MODEL) -> str:
    """The body of a chat request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})


CHAT = chat()


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """`path`, `headers` and `body` are those of a chat request to it.

    `tokens` is a file with a client token a line, which the requests show in turn.
    """

    name: str
    url: str
    path: str = OPENAI_PATH
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = CHAT
    tokens: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Contestant(Endpoint):
    process: BenchProcess

    @property
    def pid(self) -> int:
        return self.process.pid

    def rss_mb(self) -> float:
        """Of all its processes."""
        return self.process.rss_mb()


def environment(home: str, **more: str) -> dict[str, str]:
    """Nothing of this machine's settings but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def gateway_environment(home: Path) -> dict[str, str]:
    return environment(str(home), VAR_DIR=f"{home}/var", ENV_FILE=os.devnull, LOG_LEVEL="WARNING")


@contextmanager
def gateway(
    server: str,
    config: Mapping[str, Any],
    workers: int = 1,
    env: Mapping[str, str] | None = None,
    cores: Collection[int] | None = None,
    checkout: Path = ROOT,
    home: Path | None = None,
) -> Iterator[Contestant]:
    """`config` is the content of config.yaml.

    Database and spool are in `home`, without one in a directory that goes with the gateway.
    """
    with _directory(home) as directory:
        path = directory / "config.yaml"
        # YAML is a superset, and JSON is faster to write with 10,000 keys.
        path.write_text(json.dumps(config))
        port = free_port()
        command = [
            sys.executable,
            "manage.py",
            "serve",
            "--config",
            str(path),
            "--host",
            "127.0.0.1",
        ]
        command += ["--port", str(port), "--server", server, "--workers", str(workers)]
        variables = gateway_environment(directory) | dict(env or {})
        with running(command, env=variables, cwd=checkout, cores=cores) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(f"{url}/healthz")
            yield Contestant(name=f"gateway, {server}, {workers}", url=url, process=process)


def manage(home: Path, *arguments: str) -> str:
    """What a command of a gateway's `manage.py` prints. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=gateway_environment(home),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=MANAGE_SECONDS,
    )
    return done.stdout


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    if kept:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as made:
        yield Path(made)


def group(target_url: str, keys: int = 10, name: str = "default", **more: Any) -> dict[str, Any]:
    """A group of config.yaml."""
    return {
        "name": name,
        "target_url": target_url,
        "api_keys": [f"{name}-key-{i:05}" for i in range(keys)],
        **more,
    }
