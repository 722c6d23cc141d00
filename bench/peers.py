"""The peers that are packages, nginx, and what Django and httpx do as they come.

Each is a context manager that starts and ends it.
"""

import secrets
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from bench import nginx
from bench.contestants import MODEL, PEERS, PLAIN_PATH, ROOT, Contestant, chat, environment
from bench.process import CONTESTANT_CORES, free_port, running

LITELLM = PEERS / "litellm"
PORTKEY = PEERS / "portkey" / "node_modules" / "@portkey-ai" / "gateway"
TENSORZERO = PEERS / "tensorzero"
TENSORZERO_CONFIG = """
[gateway]
observability.enabled = false

[models."{model}"]
routing = ["upstream"]

[models."{model}".providers.upstream]
type = "openai"
model_name = "{model}"
api_base = "{upstream}/v1/"
api_key_location = "env::UPSTREAM_KEY"
"""


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


@contextmanager
def two_sockets(upstream: str) -> Iterator[Contestant]:
    """The least that Python can do: what comes in on one socket goes out on another."""
    port = free_port()
    command = [sys.executable, "-m", "bench.socket_pair", str(port), upstream]
    with running(command, cwd=ROOT, cores=CONTESTANT_CORES) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_for(url)
        yield Contestant(name="two sockets", url=url, process=process)


@contextmanager
def tensorzero(upstream: str) -> Iterator[Contestant]:
    """The gateway in its wheel, which chooses its port itself and says so."""
    with tempfile.TemporaryDirectory(prefix="bench-tensorzero-") as home:
        config = Path(home) / "tensorzero.toml"
        config.write_text(TENSORZERO_CONFIG.format(model=MODEL, upstream=upstream))
        command = [str(TENSORZERO / "bin" / "python"), str(ROOT / "bench" / "tensorzero_server.py")]
        env = environment(home, UPSTREAM_KEY="a-key", RUST_LOG="error")
        with running(
            [*command, str(config)], env=env, cwd=Path(home), cores=CONTESTANT_CORES
        ) as process:
            base = process.wait_for_line("http://")
            yield Contestant(
                name="TensorZero",
                url=base,
                path="/chat/completions",
                body=chat(f"tensorzero::model_name::{MODEL}"),
                process=process,
            )
