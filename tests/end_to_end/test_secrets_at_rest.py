"""Marker secrets again: the admin's pages, a dump of the database, and every `repr`."""

import gc
import json
import re
import sqlite3
from collections import deque
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from proxyapp.models import ApiKey, Group
from proxyapp.pool.keys_and_groups import GroupFields
from proxyapp.pool.store import PoolReader
from proxyapp.process.bootstrap import Administrator
from tests.conftest import MakeGateway
from tests.support.chosen_database import needs_sqlite
from tests.support.database_dump import dump, files
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.live_pages import OPERATOR, PASSWORD, admin_cookie
from tests.support.waiting import wait_for

KEYS = ["AIzaSy-marker-key-of-the-gateway-1", "AIzaSy-marker-key-of-the-gateway-2"]
PROXY = "marker-word-of-a-proxy"
MOST_PAGES = 150
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
MAKE_MORE = f"""
import json
from django.contrib.auth.models import User
from proxyapp.models import audit
from proxyapp.access import second_factor, token_store
token = token_store.create(token_store.Terms(name="laptop"), audit.START)[1]
codes = second_factor.turn_on(User.objects.get(username="root"), "{TOTP}", 0)[1]
print(json.dumps([token, *codes]))
"""


def test_neither_the_admin_nor_a_dump_of_the_database_has_a_secret(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    upstream.exhausted(KEYS[1])
    groups = [
        group(KEYS, upstream.url, "works", auth="google"),
        group(
            ["AIzaSy-another-key-entirely-3"],
            upstream.url,
            "proxied",
            proxy_url=f"http://u:{PROXY}@127.0.0.1:1",
        ),
    ]
    gateway = make_gateway(groups=groups, env=OPERATOR)
    for place in ("", "", "/g/proxied"):
        httpx.post(gateway.url + place + GENERATE, json={}, timeout=30, trust_env=False)

    cookie = admin_cookie(gateway)
    pages = read_the_admin(gateway, cookie)
    shown_once = json.loads(gateway.manage("shell", "--no-imports", "-c", MAKE_MORE).stdout)
    rows = dump(gateway)

    assert len(pages) > 20
    assert any("ratelimitevent" in url for url in pages)
    for marker in (*KEYS, PROXY, PASSWORD):
        assert [url for url, text in pages.items() if marker in url or marker in text] == []
    for marker in (*KEYS, PROXY, PASSWORD, TOTP, *shown_once, cookie.partition("=")[2]):
        assert marker not in rows
        assert [
            name for name, content in files(gateway).items() if marker.encode() in content
        ] == []
    assert len(shown_once) == 11
    assert "works" in rows


@needs_sqlite("needs SQLite: its file is locked")
def test_no_secret_is_in_what_waits_for_the_database(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(KEYS)
    for key in KEYS:
        upstream.refuse(
            key, status=429, body=b'{"error": "no quota for api_key:%b"}' % key.encode()
        )
    with closing(
        sqlite3.connect(gateway.directory / "db.sqlite3", isolation_level=None, timeout=20)
    ) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        answer = httpx.post(
            f"{gateway.url}{GENERATE}?key={PROXY}", json={}, timeout=60, trust_env=False
        )
        wait_for(lambda: b"usage" in spooled(gateway))
        waiting = spooled(gateway)

    assert answer.status_code == 429
    assert b"no quota for api_key:AIza" in waiting
    for marker in (*KEYS, PROXY):
        assert marker not in answer.text
        assert [
            name for name, content in files(gateway).items() if marker.encode() in content
        ] == []


def spooled(gateway: Gateway) -> bytes:
    return b"".join(path.read_bytes() for path in gateway.directory.rglob("*.jsonl"))


def read_the_admin(gateway: Gateway, cookie: str) -> dict[str, str]:
    """Every page that links lead to, by its URL, and what the server said of each.

    There are no more than MOST_PAGES.
    """
    found: dict[str, str] = {}
    waiting = deque(["/admin/"])
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as browser:
        browser.headers["cookie"] = cookie
        while waiting and len(found) < MOST_PAGES:
            url = waiting.popleft()
            if url in found:
                continue
            answer = browser.get(url)
            found[url] = f"{answer.headers}\n{answer.text}"
            assert answer.status_code < 500, url
            links = (
                urljoin(url, link)
                for link in re.findall(r'(?:href|action)="([^"#]+)"', answer.text)
            )
            waiting += [
                link for link in links if link.startswith("/admin/") and not leads_out(link)
            ]
    return found


def leads_out(link: str) -> bool:
    """Of the session, or into endless variations of a list."""
    return "logout" in link or urlsplit(link).query.count("=") > 1


@pytest.mark.django_db
def test_what_holds_a_secret_does_not_show_it():
    config = parse(
        f"groups: [{{name: a, proxy_url: 'http://u:{PROXY}@h:1', api_keys: [{KEYS[0]}, {{key:"
        f" {KEYS[1]}, name: n}}]}}]"
    )
    import_config(config, source=Path("config.yaml"))
    held = [
        config,
        PoolReader().load(datetime.now(UTC)),
        list(Group.objects.all()),
        list(ApiKey.objects.all()),
    ]
    held.append(Administrator("root", PROXY, is_generated=True))
    held.append(
        GroupFields(
            1, "a", "https://h", f"http://u:{PROXY}@h:1", "auto", has_single_credential=False
        )
    )

    shown = [repr(each) for each in [*held, *gc.get_objects()] if is_ours(each)]

    assert len(held) == 6
    assert len(shown) > 20
    for marker in (*KEYS, PROXY):
        assert sorted({text.partition("(")[0] for text in shown if marker in text}) == []


def is_ours(each: object) -> bool:
    return str(type(each).__module__).partition(".")[0] == "proxyapp"
