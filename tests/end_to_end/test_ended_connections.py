"""Connections to PostgreSQL that end while they are idle, with a word or without one."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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
        sent = {"username": "admin", "password": PASSWORD}
        assert self._fill_in("/admin/login/", sent) == 302

    def _fill_in(self, path: str, form: dict[str, str]) -> int:
        page = self.browser.get(path)
        if page.status_code != 200:
            return page.status_code
        token = page.text.split('csrfmiddlewaretoken" value="')[1][:64]
        form = {**form, "csrfmiddlewaretoken": token}
        return self.browser.post(path, data=form).status_code

    def takes_a_long_form(self) -> bool:
        """For a moment not, when a write was cut off."""
        status = self._fill_in(PAGE, {"text": LONG})
        assert status in (200, 503)
        return status == 200

    @contextmanager
    def traffic(self, pause: float) -> Iterator[Traffic]:
        wait_for(self.is_calm)
        with Traffic(self.gateway, pause=pause) as traffic:
            yield traffic
        self.answered += len(traffic.statuses)
        assert Counter(traffic.statuses) == {200: len(traffic.statuses)}

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

    def is_calm(self) -> bool:
        said = self.gateway.output()
        return said.count(AWAY) == said.count(BACK)

    def has_seen_outage(self, said: int) -> bool:
        return BACK in self.gateway.output()[said:]

    def is_exact(self, upstream: FakeUpstream) -> bool:
        return counted_by_minute(self.gateway) == (len(upstream.picked()), self.answered)


@pytest.fixture(scope="module")
def bench(shared_upstream: FakeUpstream) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack, shared_upstream)


def test_what_the_server_ends_is_made_anew_for_requests_pages_and_long_forms(
    bench: Bench, shared_upstream: FakeUpstream
):
    wait_for(bench.takes_a_long_form)
    with bench.traffic(0.01) as traffic:
        ended = 0
        for _ in range(3):
            enough = len(traffic.statuses) + 10
            ended += bench.end_what_is_idle()
            wait_for(bench.takes_a_long_form, 30)
            wait_for(lambda: len(traffic.statuses) >= enough)  # noqa: B023

    assert ended >= 3
    wait_for(lambda: bench.is_exact(shared_upstream), 30)
    assert "Traceback" not in bench.gateway.output()


def test_what_is_forgotten_without_a_word_is_left_soon(bench: Bench, shared_upstream: FakeUpstream):
    with bench.traffic(0.05) as traffic:
        said = len(bench.gateway.output())
        wait_for(lambda: len(traffic.statuses) >= 10)
        bench.way.forget()
        wait_for(lambda: bench.has_seen_outage(said), 60)
        wait_for(bench.takes_a_long_form, 30)
    new = bench.gateway.output()[said:]

    assert max(traffic.seconds) < 15
    wait_for(lambda: bench.is_exact(shared_upstream), 30)
    assert new.count(AWAY) == new.count(BACK) == 1, new
    assert "Traceback" not in new


@pytest.mark.parametrize("turn", [1, 2])
def test_what_was_committed_without_an_answer_counts_once(
    bench: Bench, shared_upstream: FakeUpstream, turn: int
):
    with bench.traffic(0.05) as traffic:
        said = len(bench.gateway.output())
        wait_for(lambda: len(traffic.statuses) >= 10 * turn)
        bench.way.forget_after(b"COMMIT")
        wait_for(lambda: bench.way.has_forgotten, 30)
        wait_for(lambda: bench.has_seen_outage(said), 60)

    wait_for(lambda: bench.is_exact(shared_upstream), 30)
