"""Two nodes with one PostgreSQL and a load balancer in front.

Each has its own directory, and its own way to the database, which can be cut; the clock of one is
30 s ahead. After each test both are as before.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.chosen_database import needs_postgresql
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway_database import counted_by_hour, rows
from tests.support.nodes import PASSWORD, Node, TwoNodes, spread
from tests.support.other_versions import next_version
from tests.support.reliability_figures import note
from tests.support.steady_load import Sent, SteadyLoad
from tests.support.waiting import wait_for

pytestmark = needs_postgresql("needs PostgreSQL: nodes share no SQLite file")
KEYS = [f"KEY-{number:02}" for number in range(8)]
RATE = 100.0
# A change arrives within a second; the machine of the tests may be three times as busy.
CHANGE_SECONDS = 4.0


@pytest.fixture(scope="module")
def nodes(shared_upstream: FakeUpstream) -> Iterator[TwoNodes]:
    with TwoNodes(KEYS, shared_upstream.url) as made:
        yield made


def load(nodes: TwoNodes) -> SteadyLoad:
    return SteadyLoad(nodes.url, rate=RATE, clients=6, keeps_alive=False)


def sent_so_far(load: SteadyLoad, count: int) -> None:
    wait_for(lambda: len(load.sent) >= count, 30)


def attempts(google: FakeUpstream) -> int:
    return len(google.picked())


def is_counted(nodes: TwoNodes, before: int, google: FakeUpstream) -> bool:
    return counted_by_hour(nodes.one) - before == attempts(google)


def test_each_key_gets_its_share_to_within_a_lap_of_each_node(
    nodes: TwoNodes, google: FakeUpstream
):
    before = counted_by_hour(nodes.one)
    with load(nodes) as sending:
        sent_so_far(sending, 101)

    assert not sending.failed
    assert min(nodes.balancer.served.values()) >= 45
    assert spread(google.picked(), KEYS) <= len(nodes.both())
    wait_for(lambda: is_counted(nodes, before, google))


def seconds_until(node: Node, disabled: int) -> float:
    began = time.monotonic()
    wait_for(lambda: node.ready()[1]["keys"]["disabled"] == disabled, CHANGE_SECONDS)
    return time.monotonic() - began


def test_a_change_on_one_node_is_heard_of_on_the_other(nodes: TwoNodes):
    """By a command; and on a page of the one with a log-in of the other."""
    assert nodes.one.manage("keys", "disable", "1").returncode == 0
    by_command = seconds_until(nodes.ahead, 1)
    with httpx.Client(trust_env=False, timeout=20) as browser:
        log_in(browser, nodes.ahead)
        enable(browser, nodes.one, "1")
        on_page = seconds_until(nodes.ahead, 0)
    note(f"a change is heard of after {by_command:.2f} and {on_page:.2f} s")


def token_of(page: str) -> str:
    return page.split('csrfmiddlewaretoken" value="')[1][:64]


def log_in(browser: httpx.Client, node: Node) -> None:
    page = f"{node.url}/admin/login/"
    form = {"username": "admin", "password": PASSWORD}
    form["csrfmiddlewaretoken"] = token_of(browser.get(page).text)
    assert browser.post(page, data=form).status_code == 302


def enable(browser: httpx.Client, node: Node, key: str) -> None:
    page = f"{node.url}/admin/proxyapp/apikey/"
    form = {"action": "enable_keys", "_selected_action": key}
    form["csrfmiddlewaretoken"] = token_of(browser.get(page).text)
    assert browser.post(page, data=form).status_code == 302


def test_a_node_whose_clock_is_ahead_says_so_and_wakes_no_group_early(nodes: TwoNodes):
    until = take_groups_off(nodes, seconds=4)
    wait_for(lambda: available(nodes) == {0}, CHANGE_SECONDS)

    wait_for(lambda: available(nodes) == {len(KEYS)})

    assert until < database_time(nodes) < until + CHANGE_SECONDS
    assert any("ahead of the database's" in line for line in nodes.ahead.ready()[1]["warnings"])
    assert nodes.one.ready()[1]["warnings"] == []


def take_groups_off(nodes: TwoNodes, seconds: int) -> float:
    """Until when, by the database's clock."""
    off = f"UPDATE proxyapp_group SET off_until = clock_timestamp() + interval '{seconds} seconds'"
    new = "pool_version = pool_version + 1, pool_stamp = pool_stamp + 1"
    with psycopg.connect(nodes.one.database_url) as connection:
        connection.execute(off.encode())
        connection.execute(f"UPDATE proxyapp_rotationcursor SET {new} WHERE ring = ''".encode())
        return database_time(nodes) + seconds


def database_time(nodes: TwoNodes) -> float:
    return float(rows(nodes.one, "SELECT extract(epoch FROM clock_timestamp())")[0][0])


def available(nodes: TwoNodes) -> set[int]:
    return {node.ready()[1]["keys"]["available"] for node in nodes.both()}


def test_a_node_that_is_cut_off_from_the_database_goes_on_and_counts_once_later(
    nodes: TwoNodes, google: FakeUpstream
):
    before = counted_by_hour(nodes.one)
    with load(nodes) as sending:
        sent_so_far(sending, 20)
        nodes.one.link.cut()
        google.exhausted(KEYS[0])
        wait_for(lambda: nodes.one.ready()[0] == 503, 20)
        sent_so_far(sending, len(sending.sent) + 60)
        spooled = nodes.one.ready()[1]["spooled"]
        nodes.one.link.mend()
        wait_for(lambda: nodes.one.ready()[0] == 200, 30)

    assert not sending.failed
    assert spooled > 0
    wait_for(lambda: is_counted(nodes, before, google), 30)
    assert rows(nodes.one, "SELECT count(*) FROM proxyapp_ratelimitevent")[0][0] <= 2
    assert nodes.one.manage("keys", "release", "1").returncode == 0
    google.recover(KEYS[0])


def was_under_way(sent: Sent, begun: float, ended: float) -> bool:
    return sent.sent_at <= ended and sent.ended_at >= begun


def test_kill_9_of_a_node_harms_no_request_that_it_had_not_begun(
    nodes: TwoNodes, google: FakeUpstream
):
    with load(nodes) as sending:
        sent_so_far(sending, 30)
        began = time.monotonic()
        nodes.one.kill()
        ended = time.monotonic()
        sent_so_far(sending, len(sending.sent) + 60)
        nodes.one.start()
        sent_so_far(sending, len(sending.sent) + 30)

    assert all(was_under_way(sent, began, ended) for sent in sending.failed)
    assert nodes.one.ready()[0] == 200
    assert {row["state"] for row in nodes.one.keys()} == {"available"}


def test_a_node_is_brought_to_a_new_version_with_a_migration_while_the_other_serves(
    nodes: TwoNodes, google: FakeUpstream, tmp_path: Path
):
    tree, _ = next_version(tmp_path)
    before = counted_by_hour(nodes.one)
    with load(nodes) as sending:
        sent_so_far(sending, 20)
        assert nodes.one.stop() == 0
        nodes.one.run_from(tree)
        nodes.one.start()
        sent_so_far(sending, len(sending.sent) + 40)

    assert not sending.failed
    assert rows(nodes.one, "SELECT count(colour) FROM proxyapp_apikey") == [(len(KEYS),)]
    wait_for(lambda: is_counted(nodes, before, google))
    assert "Traceback" not in nodes.one.output() + nodes.ahead.output()
