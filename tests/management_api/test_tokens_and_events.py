"""Client tokens and events by the management API."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from proxyapp.management_api import client_tokens
from proxyapp.migrations._roles import ADMIN
from proxyapp.models import AuditEntry, ClientToken, RateLimitEvent
from tests.support.operator_tokens import ApiClient, api_of
from tests.support.pool_data import add_group, add_key, cool, pool_version, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> ApiClient:
    return api_of(ADMIN)


def test_a_client_token_is_shown_once_and_changed_piece_by_piece(api: ApiClient):
    add_group("paid")
    version = pool_version()

    made = api.post("tokens", {"name": "app", "groups": ["paid"], "requests_per_minute": 5}).json()
    changed = api.patch(f"tokens/{made['id']}", {"models": ["gemini-2.5-*"]}).json()

    assert made["token"].startswith("gk-")
    assert "token" not in changed
    assert changed | {"token": made["token"], "models": []} == made
    assert changed["models"] == ["gemini-2.5-*"]
    assert made["token"] not in api.get("tokens").content.decode()
    assert pool_version() == version + 2


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_the_same_moment_both_stay(monkeypatch: pytest.MonkeyPatch):
    api, other = api_of(ADMIN), api_of(ADMIN, name="other")
    path = f"tokens/{api.post('tokens', {'name': 'app'}).json()['id']}"
    read, has_read = client_tokens._before, threading.Event()

    def slowly(token: ClientToken) -> dict[str, Any]:
        before = read(token)
        has_read.set()
        time.sleep(0.3)
        return before

    def change() -> None:
        api.patch(path, {"models": ["gemini-3"]})
        connections.close_all()

    monkeypatch.setattr(client_tokens, "_before", slowly)
    thread = threading.Thread(target=change)
    thread.start()
    assert has_read.wait(10)
    monkeypatch.setattr(client_tokens, "_before", read)
    other.patch(path, {"name": "other"})
    thread.join()

    token = ClientToken.objects.get()
    assert (token.name, token.allowed_models) == ("other", ["gemini-3"])


def test_a_revoked_one_stays_revoked(api: ApiClient):
    made = api.post("tokens", {"name": "app"}).json()

    revoked = api.post(f"tokens/{made['id']}/revoke").json()
    api.patch(f"tokens/{made['id']}", {"name": "again"})

    assert revoked["state"] == "revoked"
    assert ClientToken.objects.get().revoked_at is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a", "groups": []}, "groups"),
        ({"name": "a", "groups": ["nobody's"]}, "group"),
        ({"name": "a", "requests_per_day": 0}, "requests_per_day"),
        ({"name": "a", "requests_per_day": "many"}, "requests_per_day"),
        ({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "expires_at": "soon"}, "expires_at"),
        ({"name": "a", "token_hash": "0"}, "token_hash"),
        ({"name": "a", "revoked_at": None}, "revoked_at"),
    ],
)
def test_what_a_token_may_not_be_is_said_by_field(api: ApiClient, body: dict[str, Any], field: str):
    answer = api.post("tokens", body)

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert not ClientToken.objects.exists()


# Events.


def test_events_come_page_by_page_from_the_newest_and_none_twice(api: ApiClient):
    key, now = add_key(add_group("main"), "a"), timezone.now()
    events = [cool(key, now + timedelta(hours=hour)) for hour in range(5)]
    events.append(cool(key, now + timedelta(hours=4)))

    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"events?limit=2&cursor={cursor}").json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]

    assert seen == [events[n].pk for n in (5, 4, 3, 2, 1, 0)]


def test_events_are_found_by_what_they_are_of(api: ApiClient):
    now = timezone.now()
    one, two = (add_key(add_group(name), name) for name in ("main", "paid"))
    first = cool(one, now + timedelta(hours=1), model="gemini-2.5-pro", project="alpha")
    second = cool(two, now - timedelta(hours=1), kind="dead_key")

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"events?{query}").json()["items"]]

    assert ids("active=true") == ids("model=gemini-2.5-pro") == ids("project=alpha") == [first.pk]
    assert ids("group=PAID") == ids(f"key={two.pk}") == ids("kind=dead_key") == [second.pk]
    moment = first.occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert ids(f"since={moment}") == [first.pk]
    assert ids(f"until={moment}") == [second.pk]


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-1-1", "9" * 30 + "-1", "²-1"])
def test_a_made_up_cursor_is_refused(api: ApiClient, cursor: str):
    assert api.get(f"events?cursor={cursor}").status_code == 422


def test_only_the_cooldowns_that_are_named_end(api: ApiClient):
    key, now = add_key(add_group("main"), "a"), timezone.now()
    one, other = (cool(key, now + timedelta(hours=hour)) for hour in (1, 2))

    answer = api.post("events/release", {"ids": [one.pk, 12_345]}).json()

    assert answer == {"released": [one.pk]}
    assert RateLimitEvent.objects.active(now).get() == other
    assert AuditEntry.objects.get(action="release").object_type == "key"


# Usage.


def test_usage_is_added_up_by_what_is_asked_and_bad_ranges_are_named(api: ApiClient):
    key = add_key(add_group("main"), "a", project="alpha")
    use(key, timezone.now(), requests=3, succeeded=2, prompt_tokens=7)

    answer = api.get("usage?by=project").json()

    assert "alpha" in str(answer)
    for query, field in (
        ("range=odd", "range"),
        ("from=2026-02-02&to=2026-01-01", "from"),
        ("from=soon", "from"),
        ("by=secret", "by"),
    ):
        refused = api.get(f"usage?{query}")
        assert refused.status_code == 422, query
        assert [one["field"] for one in refused.json()["errors"]] == [field]


# Requests.


def test_a_budget_is_an_amount_and_stays_where_another_field_is_changed(api: ApiClient):
    made = api.post("tokens", {"name": "app", "cost_per_day": "5.00"}).json()
    changed = api.patch(f"tokens/{made['id']}", {"models": ["gemini-*"]}).json()

    assert ClientToken.objects.get().cost_per_day == 5_000_000
    assert changed["cost_per_day"] == made["cost_per_day"]
    assert api.patch(f"tokens/{made['id']}", {"cost_per_day": "much"}).status_code == 422


def test_requests_are_found_in_the_words_of_the_command(api: ApiClient):
    assert api.get("requests?since=2h&status=5xx").json()["items"] == []
    answer = api.get("requests?since=soon&status=odd")

    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == {"since", "status"}
