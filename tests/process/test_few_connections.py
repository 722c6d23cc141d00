"""A PostgreSQL with fewer connections than the gateway would like: it waits and serves."""

import os
import secrets
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.support.chosen_database import needs_postgresql
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import counted_by_hour
from tests.support.waiting import wait_for

pytestmark = needs_postgresql("needs PostgreSQL: SQLite has no connections to spare")
PASSWORD = "a-password-for-tests"
ADMIN = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
WAITS = "Waits for a connection to the database"


@pytest.fixture
def admin_url() -> str:
    """For who may do everything."""
    return os.environ["TEST_DATABASE_ADMIN_URL"]


@contextmanager
def limited(gateway: Gateway, admin_url: str, limit: int) -> Iterator[str]:
    """The gateway's user may have so many connections; the URL as that user."""
    name, password = f"few_{secrets.token_hex(4)}", secrets.token_hex(8)
    parts = urlsplit(gateway.database_url)
    role = sql.Identifier(name)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} CONNECTION LIMIT {}").format(
                role, sql.Literal(password), sql.Literal(limit)
            )
        )
    with psycopg.connect(gateway.database_url, autocommit=True) as inside:
        for kind in ("TABLES", "SEQUENCES"):
            grant = sql.SQL("GRANT ALL ON ALL {} IN SCHEMA public TO {}")
            inside.execute(grant.format(sql.SQL(kind), role))
        inside.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(role))
    url = f"postgresql://{name}:{password}@{parts.hostname}:{parts.port}{parts.path}"
    gateway.environment["DATABASE_URL"] = url
    try:
        yield url
    finally:
        gateway.close()
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def answers(gateway: Gateway, count: int = 40) -> Sequence[int]:
    return [
        httpx.get(f"{gateway.url}/v1beta/models", trust_env=False, timeout=20).status_code
        for _ in range(count)
    ]


def a_gateway(upstream: FakeUpstream, server: str, *args: str) -> Gateway:
    config = {"groups": [group(["KEY-A", "KEY-B"], upstream.url, auth="google")]}
    return Gateway(config, server=server, args=args)


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_four_workers_with_three_connections_serve_with_what_they_have(
    upstream: FakeUpstream, admin_url: str, server: str
):
    gateway = a_gateway(upstream, server, "--workers", "4")
    with limited(gateway, admin_url, 3):
        gateway.start()
        wait_for(lambda: "Proxy: " in gateway.output(), 60)
        wait_for(lambda: gateway.output().count(WAITS) >= 2, 60)

        assert set(answers(gateway)) == {200}
        assert "Traceback" not in gateway.output()
        wait_for(lambda: counted_by_hour_as_admin(gateway, admin_url) == 40)
        assert gateway.stop() == 0


def counted_by_hour_as_admin(gateway: Gateway, admin_url: str) -> int:
    url, gateway.database_url = gateway.database_url, own_url(gateway, admin_url)
    try:
        return counted_by_hour(gateway)
    finally:
        gateway.database_url = url


def own_url(gateway: Gateway, admin_url: str) -> str:
    return f"{admin_url.rpartition('/')[0]}/{gateway.database_url.rpartition('/')[2]}"


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_one_process_with_one_connection_serves_and_is_not_away(
    upstream: FakeUpstream, admin_url: str, server: str
):
    gateway = a_gateway(upstream, server)
    with limited(gateway, admin_url, 1):
        gateway.start()

        assert set(answers(gateway)) == {200}
        wait_for(lambda: counted_by_hour_as_admin(gateway, admin_url) == 40)
        assert "The process goes on with one connection" in gateway.output()
        assert "is away" not in gateway.output()


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_start_waits_for_a_connection_and_says_so(
    upstream: FakeUpstream, admin_url: str, server: str
):
    gateway = a_gateway(upstream, server)
    with limited(gateway, admin_url, 1) as url:
        with psycopg.connect(url):
            gateway.launch()
            wait_for(lambda: gateway.output().count("Waits for a connection") == 2, 60)

        wait_for(lambda: "Proxy: " in gateway.output(), 60)
        assert set(answers(gateway, 4)) == {200}


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_signal_ends_a_server_that_waits(upstream: FakeUpstream, admin_url: str, server: str):
    """Its start had the only connection, and somebody else took it then."""
    gateway = a_gateway(upstream, server)
    with limited(gateway, admin_url, 1) as url:
        gateway.launch()
        wait_for(lambda: is_connected(admin_url, url))
        take_next_connection(admin_url, url)
        wait_for(lambda: f"{WAITS}: " in gateway.output(), 30)
        gateway.signal(signal.SIGTERM)

        assert gateway.wait(20) == 0
        assert "Traceback" not in gateway.output()


def is_connected(admin_url: str, url: str) -> bool:
    with psycopg.connect(admin_url) as admin:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        found = admin.execute(query, [urlsplit(url).username]).fetchone()
    return bool(found and found[0])


def take_next_connection(admin_url: str, url: str) -> None:
    """Those that there are stay."""
    role = sql.Identifier(urlsplit(url).username or "")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 0").format(role))


def test_many_pages_at_once_take_a_connection_after_the_other(admin_url: str):
    gateway = Gateway({"groups": []}, env={**ADMIN, "ADMIN_CONNECTIONS": "1"})
    with limited(gateway, admin_url, 4):
        gateway.start()
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as browser:
            form = browser.get("/admin/login/").text.split('csrfmiddlewaretoken" value="')[1]
            sent = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": form[:64]}
            assert browser.post("/admin/login/", data=sent).status_code == 302
            with ThreadPoolExecutor(8) as readers:
                seen = readers.map(lambda _: browser.get("/admin/").status_code, range(12))

        assert set(seen) == {200}
        assert "is away" not in gateway.output()
        assert "one connection" not in gateway.output()
