"""What no page sends: numbers that no column holds, times at the calendar's ends, half letters."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.test import Client

from proxyapp.migrations._roles import ADMIN, VIEWER
from tests.support.client_tokens import add_token
from tests.support.operator_tokens import API, ApiClient, api_of
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db
HUGE, HALF = 10**30, "\ud800"


@pytest.fixture
def api() -> ApiClient:
    add_key(add_group("main"), "k")
    return api_of(ADMIN)


def raw(api: ApiClient, path: str, body: bytes) -> int:
    headers = {"authorization": f"Bearer {api.token}"}
    return (
        Client()
        .generic("POST", f"{API}{path}", body, content_type="application/json", headers=headers)
        .status_code
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("events/release", {"ids": [2**63]}, 422),
        ("events/release", {"ids": [-HUGE]}, 422),
        ("keys/disable", {"keys": [HUGE]}, 404),
        ("keys/disable", {"keys": ["9" * 5000]}, 404),
        ("tokens", {"name": "a", "requests_per_minute": HUGE}, 422),
        ("tokens", {"name": "a", "expires_at": "9999-12-31T23:59:59-23:59"}, 422),
        ("tokens", {"name": "a", "cost_per_day": "1e999999999"}, 422),
    ],
)
def test_numbers_and_times_that_nothing_holds(
    api: ApiClient, path: str, body: dict[str, Any], status: int
):
    assert api.post(path, body).status_code == status


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00%2B23:59"])
def test_events_of_no_time(api: ApiClient, moment: str):
    answer = api.get(f"events?since={moment}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "since")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("keys/delete", {"keys": [f"group:{HALF}"]}),
        ("keys", {"group": "main", "keys": [{"key": "AIza", HALF: 1}]}),
        ("groups", {"name": "new", "aliases": {f"a{HALF}": "b"}}),
        ("tokens", {"name": "\udc00\ud800"}),
        ("tokens", {"name": "\x00"}),
    ],
)
def test_half_letters_and_nuls_however_they_are_written(
    api: ApiClient, path: str, body: dict[str, Any]
):
    text = json.dumps(body, ensure_ascii=False)
    assert api.post(path, body).status_code == 422
    assert raw(api, path, text.encode("utf-8", "surrogatepass")) == 422
    assert raw(api, path, json.dumps(body).encode("utf-16")) == 422


def test_whole_letters_of_two_halves_are_taken(api: ApiClient):
    assert api.post("tokens", {"name": "\U0001f511\U0001f511"}).json()["name"] == "\U0001f511" * 2


def test_whose_tokens_nobody_may_see_are_not_explained_either():
    token = add_token()
    add_group("main")
    api = api_of(VIEWER)
    Role.objects.get(name=VIEWER).permissions.remove(
        Permission.objects.get(codename="view_clienttoken")
    )

    assert api.get("explain?model=gemini-2.5-flash").status_code == 200
    assert api.get(f"explain?model=gemini-2.5-flash&token={token.pk}").status_code == 403
