"""A database that the version before the rooms of `proxyapp` has left, under the present one.

`before_rooms.sql` is SQLite's dump of it. There is none of PostgreSQL: the migrations are the same,
and what the rooms could break (paths of modules, secrets, sessions) is the same on both.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.chosen_database import needs_sqlite
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import ROOT, Gateway, migrated_template

pytestmark = needs_sqlite("needs SQLite: the dump is its")

DUMP = ROOT / "tests" / "data" / "before_rooms.sql"
UPSTREAM = "http://upstream.example"
SECRET_KEY = "before-the-rooms-0123456789-0123456789-0123456789"
TOKEN = "gk-" + "b" * 43
SESSION = "before0the0rooms0before0the0room"
KEPT = {
    "requests": 7,
    "succeeded": 6,
    "rate_limited": 1,
    "prompt_tokens": 70,
    "output_tokens": 35,
}


@pytest.fixture(scope="module")
def before(shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    """It serves the old database, whose groups have the test's upstream."""
    gateway = Gateway({"groups": []}, env={"SECRET_KEY": SECRET_KEY}, is_migrated=False)
    with closing(sqlite3.connect(file_of(gateway))) as connection:
        connection.executescript(DUMP.read_text().replace(UPSTREAM, shared_upstream.url))
    with gateway:
        yield gateway


def file_of(gateway: Gateway) -> Path:
    return Path(gateway.database_url.removeprefix("sqlite:///"))


def rows(file: Path | str, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def permissions(file: Path | str) -> set[tuple[str, str]]:
    """Of each role, by their names: the numbers are each database's own."""
    query = (
        "SELECT role.name AS role, type.app_label || '.' || right_.codename AS name"
        " FROM auth_group AS role"
        " JOIN auth_group_permissions AS given ON given.group_id = role.id"
        " JOIN auth_permission AS right_ ON right_.id = given.permission_id"
        " JOIN django_content_type AS type ON type.id = right_.content_type_id"
    )
    return {(row["role"], row["name"]) for row in rows(file, query)}


def page(gateway: Gateway, path: str) -> httpx.Response:
    return httpx.get(
        f"{gateway.url}/admin/{path}", cookies={"gateway_session": SESSION}, trust_env=False
    )


def test_its_migrations_count_as_applied(before: Gateway):
    done = before.manage("migrate", "--check")

    assert done.returncode == 0, done.stdout + done.stderr
    applied = "SELECT name FROM django_migrations WHERE app = 'proxyapp' ORDER BY id LIMIT 9"
    assert [row["name"][:4] for row in rows(file_of(before), applied)] == [
        f"{number:04}" for number in range(1, 10)
    ]


def test_its_roles_may_do_what_those_of_a_new_database_may(before: Gateway):
    kept = permissions(file_of(before))

    assert ("Operator", "proxyapp.import_config") in kept
    assert kept == permissions(migrated_template())


def test_its_token_lets_a_client_in_and_its_key_is_read(before: Gateway, google: FakeUpstream):
    answer = httpx.get(
        f"{before.url}/v1beta/models", headers={"x-goog-api-key": TOKEN}, trust_env=False
    )

    assert answer.status_code == 200
    assert google.picked() == ["KEY-BEFORE-A"]


def test_its_groups_and_keys_are_read(before: Gateway, shared_upstream: FakeUpstream):
    file = before.directory / "export.yaml"
    done = before.manage("export_config", str(file))
    assert done.returncode == 0, done.stderr
    first, second = yaml.safe_load(file.read_text())["groups"]

    assert (first["name"], first["target_url"]) == ("first", shared_upstream.url)
    assert [key["key"] for key in first["api_keys"]] == ["KEY-BEFORE-A", "KEY-BEFORE-B"]
    assert second["proxy_url"] == "socks5://user:before-proxy@proxy.example:1080"
    assert second["rate_limit_policy"] == "quota_aware"


def test_the_states_of_its_keys_stand(before: Gateway):
    states = {key["name"]: key["state"] for key in before.keys()}

    assert states == {"a": "available", "b": "disabled", "c": "cooling"}


def test_its_usage_is_kept(before: Gateway):
    names = ", ".join(KEPT)
    tables = {
        "hourlyusage": "hour = '2100-01-01 00:00:00'",
        "dailyusage": "day = '2100-01-01'",
    }
    for table, where in tables.items():
        query = f"SELECT {names} FROM proxyapp_{table} WHERE {where}"
        assert rows(file_of(before), query) == [KEPT], table


def test_its_usage_is_added_up_once_and_counted_on(before: Gateway, google: FakeUpstream):
    def totals() -> dict[int, dict[str, int]]:
        found: dict[int, dict[str, int]] = {}
        for table in ("hourlyusage", "dailyusage"):
            for row in rows(file_of(before), f"SELECT * FROM proxyapp_{table}"):
                of_key = found.setdefault(row["key_id"], dict.fromkeys(KEPT, 0))
                of_key.update({name: of_key[name] + row[name] for name in KEPT})
        return found

    def kept() -> dict[int, dict[str, int]]:
        names = ", ".join(("key_id", *KEPT))
        found = rows(file_of(before), f"SELECT {names} FROM proxyapp_keytotal")
        return {row.pop("key_id"): row for row in found}

    assert kept() == totals()
    assert max(row["requests"] for row in kept().values()) >= 14
    before.manage("prune")
    assert kept() == totals()


def test_its_session_goes_on_with_the_rights_of_its_role(before: Gateway):
    assert "KEY-" not in (seen := page(before, "proxyapp/apikey/")).text
    assert (seen.status_code, "watcher" in seen.text) == (200, True)
    assert page(before, "proxyapp/apikey/add/").status_code == 403


def test_its_second_factor_is_read(before: Gateway):
    script = (
        "import json; from proxyapp.models import SecondFactor;"
        "print(json.dumps([one.secret for one in SecondFactor.objects.all()]))"
    )
    done = before.manage("shell", "--no-imports", "-c", script)

    assert json.loads(done.stdout) == ["JBSWY3DPEHPK3PXP"], done.stderr
