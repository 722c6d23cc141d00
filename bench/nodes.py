"""Nodes in network namespaces, with one PostgreSQL and nginx in front of them.

`python -m bench.nodes NUMBER` says of so many how long their start together takes, how even the
keys' shares are, how soon a change is heard of, and what happens when one is cut off from the
database and when one is killed. As root; it takes under a minute.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from bench import nginx
from bench.contestants import ROOT, environment, group
from bench.namespaces import DATABASE, FRONT, HUB, hub_and_nodes, inside, set_line
from bench.process import BenchProcess, running

KEYS = 10
PORT = 8080
RATE, CLIENTS = 100.0, 12
PHASE_SECONDS = 4.0
COUNTED = "SELECT coalesce(sum(requests), 0) FROM proxyapp_hourlyusage"


class BenchNode:
    """`number`: of its addresses, from 1 on."""

    def __init__(self, name: str, number: int, home: Path, database: str, config: Path) -> None:
        self.number = number
        self.url = f"http://{FRONT}.{number}:{PORT}"
        self.environment = environment(
            str(home),
            VAR_DIR=str(home / f"var-{number}"),
            ENV_FILE=os.devnull,
            DATABASE_URL=database,
            SECRET_KEY="one-secret-of-all-nodes-0123456789-0123456789",
            ALLOW_ANONYMOUS="true",
            ALLOWED_HOSTS="*",
            LOG_LEVEL="ERROR",
        )
        server = ("uvicorn", "daphne")[number % 2]
        serve = ["serve", "--config", str(config), "--host", f"{FRONT}.{number}"]
        serve += ["--port", str(PORT), "--server", server]
        self._command = inside(name, [sys.executable, "manage.py", *serve])
        self._stack = ExitStack()

    def start(self) -> BenchProcess:
        self._stack.close()
        process = running(self._command, env=self.environment, cwd=ROOT)
        self.process = self._stack.enter_context(process)
        return self.process

    def wait(self) -> None:
        self.process.wait_for(f"{self.url}/healthz")

    def kill(self) -> None:
        """Its sockets are closed when it returns."""
        os.killpg(self.process.pid, signal.SIGKILL)
        process = Path(f"/proc/{self.process.pid}")
        until(lambda: (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z")
        until(lambda: len(list((process / "task").iterdir())) == 1)

    def close(self) -> None:
        self._stack.close()

    def ready(self) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/readyz")
        opener = urllib.request.build_opener(_AnyStatus)
        with opener.open(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response


def until(condition: Callable[[], object], seconds: float = 30.0) -> float:
    """How long it took. Raises TimeoutError."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError("it never came true")
        time.sleep(0.02)
    return time.monotonic() - began


def phase(url: str, seconds: float, work: Callable[[], None] = lambda: None) -> str:
    """Steady requests before, while and after something happens: how many failed, and how many of
    these were not under way just then.
    """
    from tests.support.steady_load import SteadyLoad

    with SteadyLoad(url, rate=RATE, clients=CLIENTS) as load:
        time.sleep(seconds / 2)
        began = time.monotonic()
        work()
        ended = time.monotonic()
        time.sleep(seconds / 2)
    failed = load.failed
    others = [each for each in failed if each.sent_at > ended or each.ended_at < began]
    return f"{len(load.sent)} requests, {len(failed)} failed, {len(others)} of them not under way"


def tell(nodes: Sequence[BenchNode], url: str, database: str, upstream: Any) -> Iterator[str]:
    """Line by line."""
    with psycopg.connect(database, autocommit=True) as own:

        def is_counted() -> bool:
            row = own.execute(COUNTED.encode()).fetchone()
            return bool(row and row[0] == len(upstream.picked()))

        said = phase(url, PHASE_SECONDS)
        counts = Counter(upstream.picked())
        spread = max(counts.values()) - min(counts.values())
        yield f"{said}; {len(counts)} keys, within {spread} of each other"
        heard = change(nodes[0], nodes) * 1000
        yield f"a change is heard of on all {heard:.0f} ms after its command has ended"
        until(is_counted)
        yield f"node 2 is cut off from the database: {phase(url, 2 * PHASE_SECONDS, cut)}"
        yield f"it has spooled {nodes[1].ready()['spooled']} records"
        set_line(2, "up")
        yield f"all is counted, once, {until(is_counted):.1f} s after it is back"
        yield f"node {nodes[-1].number} is killed: {phase(url, PHASE_SECONDS, nodes[-1].kill)}"


def cut() -> None:
    set_line(2, "down")


def change(node: BenchNode, nodes: Sequence[BenchNode]) -> float:
    """By a command with the environment of the one: how long it takes all to hear, from its end."""
    disable = [sys.executable, "manage.py", "keys", "disable", "1"]
    local = {**node.environment, "VAR_DIR": f"{node.environment['VAR_DIR']}-command"}
    subprocess.run(disable, env=local, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return until(lambda: all(each.ready()["keys"]["disabled"] for each in nodes))


def run_on_hub(names: Sequence[str]) -> None:
    from tests.support import postgres
    from tests.support.fake_upstream import FakeUpstream
    from tests.support.relay import Relay

    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="bench-nodes-")))
        local = stack.enter_context(postgres.running_server())
        upstream = stack.enter_context(FakeUpstream())
        port = int(psycopg.conninfo.conninfo_to_dict(local)["port"] or 0)
        line = stack.enter_context(Relay(port, host=f"{DATABASE}.{HUB}"))
        way = stack.enter_context(Relay(upstream.port, host=f"{FRONT}.{HUB}"))
        config = home / "config.yaml"
        target = f"http://{FRONT}.{HUB}:{way.port}"
        config.write_text(json.dumps({"groups": [group(target, KEYS) | {"auth": "google"}]}))
        database = f"{local.rpartition('@')[0]}@{DATABASE}.{HUB}:{line.port}/postgres"
        nodes = [BenchNode(name, at, home, database, config) for at, name in enumerate(names, 1)]
        began = time.monotonic()
        for node in nodes:
            stack.callback(node.close)
            node.start()
        for node in nodes:
            node.wait()
        seconds = time.monotonic() - began
        print(f"{len(nodes)} nodes start together on an empty database in {seconds:.1f} s")
        url = stack.enter_context(nginx.balancer([node.url for node in nodes]))
        for said in tell(nodes, url, local, upstream):
            print(said, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--on-hub":
        run_on_hub(sys.argv[2:])
    else:
        with hub_and_nodes(int(sys.argv[1])) as (hub, nodes):
            again = [sys.executable, "-m", "bench.nodes", "--on-hub", *nodes]
            sys.exit(subprocess.run(inside(hub, again), check=False).returncode)
