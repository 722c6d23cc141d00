"""Connections to PostgreSQL that end while they are idle, with a word or without one."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psycopg
import pytest

from tests.support.chosen_database import needs_postgresql
from tests.support.fake_upstream import FakeUpstream
from tests.support.forgetful_way import ForgetfulWay
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import counted_by_minute
from tests.support.postgres import ADMIN_URL
from tests.support.traffic import Traffic
from tests.support.waiting import wait_for

pytestmark = needs_postgresql("SQLite has no connections that end")
PASSWORD = "a-password-for-tests"
ADMIN = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
KEYS = [f"KEY-{number}" for number in range(4)]
# More than strangers may send.
LONG = "no key at all, " * 1000
PAGE = "/admin/import-export/"
AWAY, BACK = "The database is away", "The database is back"


class Bench:
    """A gateway whose way to its database can be cut, and an operator's browser."""

    def __init__(self, stack: ExitStack, upstream: FakeUpstream) -> None:
        config = {"groups": [group(KEYS, upstream.url, auth="google")]}
        self.gateway = Gateway(config, env=ADMIN)
        stack.callback(self.gateway.close)
        self.way = ForgetfulWay(self.gateway.database_url)
        stack.enter_context(self.way)
        self.gateway.environment["DATABASE_URL"] = self.way.database_url
        self.gateway.start()
        self.answered = 0
        self.browser = stack.enter_context(
            httpx.Client(base_url=self.gateway.url, trust_env=False, timeout=60)
        )
        sent = {"username": "admin", "password": PASSWORD, **self.token("/admin/login/")}
        assert self.browser.post("/admin/login/", data=sent).status_code == 302

    def token(self, path: str) -> dict[str, str]:
        text = self.browser.get(path).text
        return {"csrfmiddlewaretoken": text.split('csrfmiddlewaretoken" value="')[1][:64]}

    def sends_a_long_form(self) -> int:
        return self.browser.post(PAGE, data={"text": LONG, **self.token(PAGE)}).status_code

    def end_what_is_idle(self) -> int:
        """How many connections."""
        name = self.gateway.database_url.rpartition("/")[2]
        query = (
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
            " WHERE datname = %s AND state = 'idle'"
        )
        with psycopg.connect(os.environ[ADMIN_URL], autocommit=True) as admin:
            row = admin.execute(query, [name]).fetchone()
            assert row
            return int(row[0])

    def is_exact(self, upstream: FakeUpstream) -> bool:
        return counted_by_minute(self.gateway) == (len(upstream.picked()), self.answered)


@pytest.fixture(scope="module")
def bench(shared_upstream: FakeUpstream) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack, shared_upstream)


def test_what_the_server_ends_is_made_anew_for_requests_pages_and_long_forms(
    bench: Bench, shared_upstream: FakeUpstream
):
    assert bench.sends_a_long_form() == 200
    with Traffic(bench.gateway) as traffic:
        ended = 0
        for _ in range(3):
            enough = len(traffic.statuses) + 10
            ended += bench.end_what_is_idle()
            assert bench.sends_a_long_form() == 200
            wait_for(lambda: len(traffic.statuses) >= enough)  # noqa: B023
    bench.answered += len(traffic.statuses)

    assert ended >= 3
    assert Counter(traffic.statuses) == {200: len(traffic.statuses)}
    wait_for(lambda: bench.is_exact(shared_upstream), 30)
    assert "Traceback" not in bench.gateway.output()


def test_what_is_forgotten_without_a_word_is_left_soon(bench: Bench, shared_upstream: FakeUpstream):
    said = len(bench.gateway.output())
    with Traffic(bench.gateway, pause=0.05) as traffic:
        wait_for(lambda: len(traffic.statuses) >= 10)
        bench.way.forget()
        wait_for(lambda: BACK in bench.gateway.output()[said:], 60)
        assert bench.sends_a_long_form() == 200
    bench.answered += len(traffic.statuses)
    new = bench.gateway.output()[said:]

    assert Counter(traffic.statuses) == {200: len(traffic.statuses)}
    assert max(traffic.seconds) < 15
    wait_for(lambda: bench.is_exact(shared_upstream), 30)
    assert new.count(AWAY) == new.count(BACK) == 1, new
    assert "Traceback" not in new
