"""The management API over real servers: its door, its bounds, and what it costs who does not use
it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway, group
from tests.support.pool_data import secret

BIG = 9_000


def token_for(gateway: Gateway, role: str) -> str:
    made = gateway.manage(
        "operator_tokens", "create", f"ci-{role}", "--user", "nobody", "--role", role
    )
    return made.stdout.strip()


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: Any) -> Iterator[Gateway]:
    config = {"groups": [group([secret("MARKER")], "http://127.0.0.1:9")]}
    with Gateway(config, server=request.param, env={"PATH_PREFIX": "/gate"}) as running:
        yield running


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"{gateway.url}/gate/admin/api"


def test_ninja_is_not_imported_before_the_first_request(gateway: Gateway, url: str):
    maps = Path(f"/proc/{gateway.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    children = Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split()
    pids = [str(gateway.pid), *children]
    before = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in pids)

    assert "pydantic_core" not in before
    assert httpx.get(f"{url}/keys").status_code == 401


def test_a_script_adds_a_key_sees_it_and_takes_it_away(gateway: Gateway, url: str):
    headers = {"authorization": f"Bearer {token_for(gateway, 'Admin')}"}
    with httpx.Client(headers=headers) as client:
        new = {"group": "default", "keys": [{"key": secret("other"), "name": "other"}]}
        added = client.post(f"{url}/keys", json=new).json()["added"][0]
        listed = client.get(f"{url}/keys").json()["items"]
        gone = client.delete(f"{url}/keys/{added['id']}")

        assert [row["name"] for row in listed] == ["", "other"]
        assert gone.json() == {"deleted": 1}
        assert secret("MARKER") not in json.dumps(listed)
        described = client.get(f"{url}/openapi.json").json()
        assert "/gate/admin/api/keys/{key_id}" in described["paths"]
        page = client.get(f"{url}/")
        assert page.status_code == 302
        assert page.headers["location"].startswith("/gate/admin/login/")
    assert headers["authorization"].removeprefix("Bearer ") not in gateway.output()


def test_strangers_send_no_large_body_and_who_is_known_may(gateway: Gateway, url: str):
    body = {"group": "nobody's", "keys": ["x" * 100] * (BIG // 100)}

    refused = httpx.post(f"{url}/keys", json=body)
    headers = {"authorization": f"Bearer {token_for(gateway, 'Operator')}"}
    taken = httpx.post(f"{url}/keys", json=body, headers=headers)
    too_large = httpx.post(f"{url}/keys", content=b" " * (2 << 20), headers=headers)

    assert refused.status_code == 413
    assert taken.status_code == 422
    assert taken.json()["errors"][0]["field"] == "group"
    assert too_large.status_code == 413


def test_who_tries_one_bad_token_after_the_other_is_slowed_down_and_others_are_not(
    gateway: Gateway, url: str
):
    good = {"authorization": f"Bearer {token_for(gateway, 'Viewer')}"}
    statuses = []
    with httpx.Client(timeout=30) as client:
        for number in range(12):
            bad = {"authorization": f"Bearer go-{number:043d}"}
            statuses.append(client.get(f"{url}/keys", headers=bad).status_code)
            if number >= 10:
                assert client.get(f"{url}/keys", headers=good).elapsed.total_seconds() < 1

    assert set(statuses) == {401}
    assert "Bad operator tokens from 127.0.0.1" in gateway.output()
    assert "go-0000" not in gateway.output()
