"""PostgreSQL is restored under a running gateway, as docs/OPERATIONS.md says."""

import os
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml

from tests.conftest import MakeGateway
from tests.support import postgres
from tests.support.chosen_database import needs_postgresql
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import counted_by_hour, rows
from tests.support.waiting import wait_for

pytestmark = needs_postgresql("needs PostgreSQL: SQLite is restored at rest")


def ask(gateway: Gateway, count: int) -> None:
    for _ in range(count):
        answer = httpx.get(f"{gateway.url}/v1beta/models", trust_env=False, timeout=20)
        assert answer.status_code == 200


def empty(gateway: Gateway) -> None:
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def restore(gateway: Gateway, dump: Path) -> None:
    command = [str(postgres.client_programs() / "pg_restore"), "--no-owner"]
    command += ["--single-transaction", f"--dbname={gateway.database_url}", str(dump)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_what_was_restored_takes_effect_and_no_usage_since_is_lost(
    make_gateway: MakeGateway, upstream: FakeUpstream, tmp_path: Path, server: str
):
    path = f"{postgres.client_programs()}:{os.environ['PATH']}"
    gateway = make_gateway(["KEY-A"], server=server, env={"PATH": path})
    assert gateway.manage("backup", str(tmp_path / "backup")).returncode == 0
    change = {"groups": [group(["KEY-B"], upstream.url, auth="google")]}
    gateway.config_path.write_text(yaml.safe_dump(change))
    assert gateway.manage("import_config", str(gateway.config_path), "--prune").returncode == 0
    wait_for(lambda: picked(gateway, upstream) == {"KEY-B"})

    empty(gateway)
    ask(gateway, 3)
    wait_for(lambda: "The database is away" in gateway.output())
    restore(gateway, tmp_path / "backup" / "database.pgdump")

    wait_for(lambda: picked(gateway, upstream) == {"KEY-A"}, 10)
    wait_for(lambda: httpx.get(f"{gateway.url}/readyz", trust_env=False).status_code == 200)
    before = settled(gateway)
    ask(gateway, 20)
    wait_for(lambda: counted_by_hour(gateway) == before + 20)
    assert "Traceback" not in gateway.output()


def settled(gateway: Gateway) -> int:
    """What is counted once all that was asked is written."""
    seen = [-1, counted_by_hour(gateway)]

    def is_still() -> bool:
        seen.append(counted_by_hour(gateway))
        return len(seen) > 60 and len(set(seen[-50:])) == 1

    wait_for(is_still, 30)
    return seen[-1]


def picked(gateway: Gateway, upstream: FakeUpstream) -> set[str]:
    upstream.reset()
    ask(gateway, 2)
    return set(upstream.picked())


def test_another_history_that_comes_to_the_same_version_is_noticed(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(["KEY-A"])
    assert gateway.manage("keys", "disable", "KEY-A").returncode == 0
    wait_for(lambda: httpx.get(gateway.url + "/v1beta/models", trust_env=False).is_server_error)
    version = version_of(gateway)

    with psycopg.connect(gateway.database_url) as connection:  # at once, as no process sees it
        connection.execute("UPDATE proxyapp_apikey SET status = 'active'")
        connection.execute("UPDATE proxyapp_rotationcursor SET pool_stamp = 4711 WHERE ring = ''")

    wait_for(lambda: httpx.get(gateway.url + "/v1beta/models", trust_env=False).is_success)
    assert version_of(gateway) == version


def version_of(gateway: Gateway) -> int:
    query = "SELECT pool_version FROM proxyapp_rotationcursor WHERE ring = ''"
    return int(rows(gateway, query)[0][0])
