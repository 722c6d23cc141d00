"""The peers that are programs of their own: looked for in the folder that BENCH_PEERS names.

`gemini-proxy*` is the Rust original, whatever version (each file is a contestant), and `gpt-load*`
the Go gateway, version 1.
"""

import json
import os
import secrets
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.contestants import PLAIN_PATH, Contestant, environment, group
from bench.process import CONTESTANT_CORES, StartFailed, free_port, running

VARIABLE = "BENCH_PEERS"
RUST, GO = "gemini-proxy", "gpt-load"
RUST_FIRST, RUST_LATER = f"{RUST}-first", f"{RUST}-later"
"""The versions that a target names."""
ASK_SECONDS = 30
GO_GROUP = "bench"


def found(folder: str | None = None) -> dict[str, Path]:
    """The programs by the name of their file."""
    named = os.environ.get(VARIABLE) if folder is None else folder
    files = sorted(Path(named).resolve().iterdir()) if named and Path(named).is_dir() else []
    return {
        each.name: each
        for each in files
        if each.name.startswith((RUST, GO)) and each.is_file() and os.access(each, os.X_OK)
    }


def looked_for(folder: str | None = None) -> str:
    """What was found where, for people."""
    named = os.environ.get(VARIABLE, "") if folder is None else folder
    wanted = f"programs {RUST}* (the Rust original) and {GO}* (Go)"
    if not named:
        return f"{wanted} are measured if {VARIABLE}=FOLDER says where they are; it is not set"
    if not Path(named).is_dir():
        return f"{wanted} were looked for in {VARIABLE}={named}, which is no folder"
    names = ", ".join(found(named)) or "none that can be executed"
    return f"{wanted} were looked for in {VARIABLE}={named}: {names}"


def starters(upstream: str) -> dict[str, Callable[[], AbstractContextManager[Contestant]]]:
    def starter(program: Path) -> Callable[[], AbstractContextManager[Contestant]]:
        start = rust_original if program.name.startswith(RUST) else gpt_load
        return lambda: start(program, upstream)

    return {name: starter(program) for name, program in found().items()}


@contextmanager
def rust_original(program: Path, upstream: str) -> Iterator[Contestant]:
    """Every version of it reads config.yaml in its working directory."""
    with tempfile.TemporaryDirectory(prefix="bench-rust-") as home:
        port = free_port()
        config = {
            "server": {"host": "127.0.0.1", "port": port},
            "groups": [group(upstream)],
        }
        (Path(home) / "config.yaml").write_text(yaml.safe_dump(config))
        env = environment(home, RUST_LOG="error", PORT=str(port))
        with running([str(program)], env=env, cwd=Path(home), cores=CONTESTANT_CORES) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(f"{url}/health")
            headers = {"authorization": "Bearer a-key"}
            yield Contestant(
                name=program.name, url=url, path=PLAIN_PATH, headers=headers, process=process
            )


@contextmanager
def gpt_load(program: Path, upstream: str) -> Iterator[Contestant]:
    """On SQLite; its one group and its keys are made through its own API."""
    with tempfile.TemporaryDirectory(prefix="bench-go-") as home:
        port, key = free_port(), secrets.token_hex(24)
        env = environment(
            home,
            HOST="127.0.0.1",
            PORT=str(port),
            AUTH_KEY=key,
            DATABASE_DSN=f"{home}/gpt-load.db",
            LOG_LEVEL="error",
            MAX_CONCURRENT_REQUESTS="2000",
        )
        with running([str(program)], env=env, cwd=Path(home), cores=CONTESTANT_CORES) as process:
            url = f"http://127.0.0.1:{port}"
            process.wait_for(f"{url}/health")
            _fill_go(url, key, upstream)
            yield Contestant(
                name=program.name,
                url=f"{url}/proxy/{GO_GROUP}",
                path=PLAIN_PATH,
                headers={"authorization": f"Bearer {key}"},
                process=process,
            )


def _fill_go(url: str, key: str, upstream: str) -> None:
    wanted = {
        "name": GO_GROUP,
        "channel_type": "openai",
        "upstreams": [{"url": upstream, "weight": 1}],
        "test_model": "gemini-2.5-flash",
        "proxy_keys": key,
    }
    made = _asked(f"{url}/api/groups", key, wanted)
    names = ",".join(group(upstream)["api_keys"])
    group_id = (made.get("data") or {}).get("id")
    _asked(f"{url}/api/keys/add-multiple", key, {"group_id": group_id, "keys_text": names})


def _asked(url: str, key: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ASK_SECONDS) as answer:
            said: Mapping[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        raise StartFailed(f"{url} does not answer as version 1 does: {error}") from error
    return said
