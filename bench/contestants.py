"""Everything that can stand between the load and the upstream.

Each is a context manager that starts and ends it.
"""

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench import nginx
from bench.process import CONTESTANT_CORES, BenchProcess, free_port, running

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".bench"
LITELLM = PEERS / "litellm"
PORTKEY = PEERS / "portkey" / "node_modules" / "@portkey-ai" / "gateway"
OPENAI_PATH = "/v1beta/openai/chat/completions"
PLAIN_PATH = "/v1/chat/completions"
MODEL = "gemini-2.5-flash"
CHAT = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}]})


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """`path` and `headers` are those of a chat request to it."""

    name: str
    url: str
    path: str = OPENAI_PATH
    headers: Mapping[str, str] = field(default_factory=dict)


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
        variables = environment(
            str(directory), VAR_DIR=f"{directory}/var", ENV_FILE=os.devnull, LOG_LEVEL="WARNING"
        ) | dict(env or {})
        with running(command, env=variables, cwd=checkout, cores=cores) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(f"{url}/healthz")
            yield Contestant(name=f"gateway, {server}, {workers}", url=url, process=process)


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


@contextmanager
def nginx_proxy(upstream: str) -> Iterator[Contestant]:
    """The limit: what a proxy in C that looks at nothing does on one core."""
    with nginx.proxy(upstream, cores=CONTESTANT_CORES) as (url, process):
        yield Contestant(name="nginx as a proxy", url=url, process=process)


@contextmanager
def litellm(upstream: str) -> Iterator[Contestant]:
    with tempfile.TemporaryDirectory(prefix="bench-litellm-") as home:
        config = Path(home) / "config.yaml"
        parameters = {"model": f"openai/{MODEL}", "api_base": f"{upstream}/v1", "api_key": "a-key"}
        config.write_text(
            yaml.safe_dump({"model_list": [{"model_name": MODEL, "litellm_params": parameters}]})
        )
        port = free_port()
        command = [str(LITELLM / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
        command += ["--port", str(port), "--num_workers", "1"]
        key = f"sk-{secrets.token_hex(16)}"  # It refuses to start without one.
        # The cost map would be fetched from outside; the rest is LiteLLM's own advice for
        # production.
        fast = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
        }
        env = environment(home, LITELLM_MASTER_KEY=key, **fast)
        with running(command, env=env, cwd=Path(home), cores=CONTESTANT_CORES) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(f"{url}/health/liveliness")
            headers = {"authorization": f"Bearer {key}"}
            yield Contestant(
                name="LiteLLM", url=url, path=PLAIN_PATH, headers=headers, process=process
            )


@contextmanager
def portkey(
    upstream: str, cores: Collection[int] | None = CONTESTANT_CORES
) -> Iterator[Contestant]:
    with tempfile.TemporaryDirectory(prefix="bench-portkey-") as home:
        port = free_port()
        command = [
            "node",
            str(PORTKEY / "build" / "start-server.js"),
            f"--port={port}",
            "--headless",
        ]
        env = environment(home, NODE_ENV="production")
        with running(command, env=env, cwd=Path(home), cores=cores) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(url)
            headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}
            headers["authorization"] = "Bearer a-key"
            yield Contestant(
                name="Portkey", url=url, path=PLAIN_PATH, headers=headers, process=process
            )


@contextmanager
def stock(upstream: str) -> Iterator[Contestant]:
    """Django's handler and httpx as they come, under Daphne as it comes."""
    with tempfile.TemporaryDirectory(prefix="bench-stock-") as home:
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "daphne",
            "-b",
            "127.0.0.1",
            "-p",
            str(port),
            "bench.stock:application",
        ]
        env = environment(home, STOCK_UPSTREAM=upstream)
        with running(command, env=env, cwd=ROOT, cores=CONTESTANT_CORES) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(url)
            yield Contestant(name="stock Django and httpx", url=url, process=process)
