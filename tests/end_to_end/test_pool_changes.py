"""Changes reach every process within a second; a database that is away stops no request."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.database_away import Away
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.gateway_requests import ask, states
from tests.support.waiting import wait_for

KEYS = ["KEY-A", "KEY-B", "KEY-C"]
SOON_ON = """
from datetime import timedelta
from django.utils import timezone
from proxyapp.models import Group
Group.objects.update(off_until=timezone.now() + timedelta(seconds=5))
"""


def test_a_disabled_key_is_used_by_no_worker_a_second_later(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(KEYS, args=["--workers", "2"])
    assert gateway.manage("keys", "disable", str(gateway.keys()[1]["id"])).returncode == 0
    time.sleep(1.0)
    upstream.reset()

    answers = [ask(gateway).status_code for _ in range(12)]

    assert answers == [200] * 12
    assert set(upstream.picked()) == {"KEY-A", "KEY-C"}


def test_a_group_that_is_off_for_a_time_comes_back_by_itself_also_after_a_restart(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(KEYS, args=["--workers", "2"])
    (group,) = json.loads(gateway.manage("groups", "list", "--json").stdout)
    gateway.manage("groups", "off", group["name"], "--for", "1h")
    wait_for(lambda: [ask(gateway).status_code for _ in range(6)] == [503] * 6)
    assert gateway.stop() == 0
    assert gateway.manage("shell", "-c", SOON_ON).returncode == 0

    gateway.start()

    wait_for(lambda: [ask(gateway).status_code for _ in range(6)] == [200] * 6)
    assert not json.loads(gateway.manage("groups", "list", "--json").stdout)[0]["is_off"]


def test_two_workers_give_every_key_the_same_share_to_within_a_lap_each(make_gateway, upstream):
    gateway = make_gateway(KEYS, args=["--workers", "2"])

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: ask(gateway).status_code, range(120)))

    shares = [upstream.picked().count(key) for key in KEYS]
    assert answers == [200] * 120
    assert max(shares) - min(shares) <= 2
    assert gateway.stop() == 0
    assert sum(key["requests"] for key in gateway.keys()) == 120, "exact after a drain"


def test_an_imported_key_takes_its_turn_and_a_pruned_one_none(make_gateway, upstream: FakeUpstream):
    gateway = make_gateway(KEYS[:2])
    text = gateway.config_path.read_text()

    gateway.config_path.write_text(text.replace("- KEY-A", "- KEY-C"))
    assert gateway.manage("import_config", str(gateway.config_path), "--prune").returncode == 0
    time.sleep(1.0)
    answers = [ask(gateway).status_code for _ in range(4)]

    assert answers == [200] * 4
    assert sorted(upstream.picked()) == ["KEY-B", "KEY-B", "KEY-C", "KEY-C"]


@pytest.fixture
def away(make_gateway: MakeGateway) -> Iterator[tuple[Gateway, Away]]:
    """A gateway, and what takes its database away and brings it back."""
    gateway = make_gateway(KEYS, env={"SQLITE_TIMEOUT_SECONDS": "1"})
    database = Away(gateway)
    yield gateway, database
    database.bring_back()


def test_requests_go_on_while_the_database_is_away(
    away: tuple[Gateway, Away], upstream: FakeUpstream
):
    gateway, database = away
    ask(gateway)
    wait_for(lambda: gateway.keys()[0]["requests"] == 1)
    database.take()
    upstream.exhausted("KEY-B")

    answers = [ask(gateway).status_code for _ in range(100)]

    assert answers == [200] * 100
    wait_for(lambda: readiness(gateway)[0] == 503, 40)
    assert any(
        problem.startswith("the database is away: ")
        for problem in readiness(gateway)[1]["problems"]
    )
    wait_for(lambda: "last_used" in spooled(gateway) and "cooldowns" in spooled(gateway), 40)
    database.bring_back()
    wait_for(lambda: readiness(gateway)[0] == 200, 40)
    wait_for(lambda: sum(key["requests"] for key in gateway.keys()) == 102, 40)
    assert states(gateway) == ["available", "cooling", "available"]
    assert spooled(gateway) == ""
    assert gateway.output().count("The database is away") == 1


def test_what_was_spooled_survives_a_kill(away: tuple[Gateway, Away], upstream: FakeUpstream):
    gateway, database = away
    database.take()
    upstream.exhausted("KEY-A")
    ask(gateway)
    wait_for(lambda: '"succeeded": 1' in spooled(gateway) and "cooldowns" in spooled(gateway), 40)

    gateway.kill()
    database.bring_back()
    gateway.start()

    wait_for(lambda: states(gateway) == ["cooling", "available", "available"])
    assert sum(key["requests"] for key in gateway.keys()) == 2


def spooled(gateway: Gateway) -> str:
    return "".join(
        path.read_text() for path in (gateway.directory / "var" / "spool").glob("*.jsonl")
    )


def readiness(gateway: Gateway) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(gateway.url + "/readyz", timeout=30, trust_env=False)
    return answer.status_code, json.loads(answer.text)


def test_readyz_tells_the_states_of_the_keys(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(KEYS)
    upstream.exhausted("KEY-A")
    ask(gateway)

    status, body = readiness(gateway)

    assert (status, body["status"]) == (200, "ok")
    assert body["keys"] == {"available": 2, "cooling": 1, "disabled": 0, "invalid": 0}
