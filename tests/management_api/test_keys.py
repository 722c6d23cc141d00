"""Keys and groups by the management API: what it takes, what it refuses, and what it never says."""

from typing import Any

import pytest

from proxyapp.migrations._roles import ADMIN, OPERATOR, VIEWER
from proxyapp.models import ApiKey, AuditEntry, Group, RemovedKey
from tests.support.operator_tokens import ApiClient, api_of
from tests.support.pool_data import add_group, add_key, pool_version, secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> ApiClient:
    return api_of(ADMIN)


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return {one["field"]: one["message"] for one in answer.json()["errors"]}


def test_keys_are_listed_page_by_page_and_by_what_they_are(api: ApiClient):
    main, paid = add_group("main"), add_group("paid")
    keys = [add_key(main, f"m{number}", project="a") for number in range(3)]
    add_key(paid, "p", status="disabled")

    first = api.get("keys?limit=2").json()
    second = api.get(f"keys?limit=2&after={first['next']}").json()

    assert [row["id"] for row in first["items"]] == [keys[0].pk, keys[1].pk]
    assert [row["state"] for row in second["items"]] == ["available", "disabled"]
    assert second["next"] is None
    assert [row["group"] for row in api.get("keys?state=disabled").json()["items"]] == ["paid"]
    assert len(api.get("keys?group=MAIN&project=a&state=available").json()["items"]) == 3


@pytest.mark.parametrize(
    "query", ["limit=501", "limit=0", "after=-1", "after=9223372036854775808", "state=odd"]
)
def test_a_page_has_its_bounds(api: ApiClient, query: str):
    assert list(errors(api.get(f"keys?{query}"))) == [query.partition("=")[0]]


@pytest.mark.parametrize("path", ["keys/7", "keys/99999999999999999999", "groups/7", "tokens/7"])
def test_what_is_not_there_is_not_found(api: ApiClient, path: str):
    assert api.get(path).status_code == 404
    assert api.get("nothing").status_code == 404
    assert api.ask("PUT", "keys", {}).status_code == 405


def test_many_keys_are_added_at_once_each_once(api: ApiClient):
    group = add_group("main")
    add_key(group, "there")
    version = pool_version()
    new = {"key": secret("new"), "name": "n", "project": "p", "weight": 2}

    answer = api.post("keys", {"group": "Main", "keys": [secret("there"), new, new]}).json()

    key = ApiKey.objects.get(name="n")
    assert answer == {
        "added": [{"id": key.pk, "name": "n", "masked": key.masked}],
        "already_there": 1,
        "given_twice": 1,
    }
    assert (key.secret, key.project, key.weight, key.position) == (secret("new"), "p", 2, 1)
    assert pool_version() == version + 1


def test_one_bad_key_adds_none_and_no_text_repeats_it(api: ApiClient):
    add_group("main")
    bad = f"{secret('MARKER')} # mine"

    answer = api.post("keys", {"group": "main", "keys": [secret("good"), bad, {"kee": "MARKER"}]})

    assert {"keys[1]", "keys[2]", "keys[2].key"} == set(errors(answer))
    assert "MARKER" not in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_placeholders_and_files_of_the_machine_are_no_keys(api: ApiClient):
    add_group("main")
    for key in ("YOUR_GEMINI_API_KEY_1", {"service_account": "/etc/passwd"}):
        assert errors(api.post("keys", {"group": "main", "keys": [key]}))
    assert not ApiKey.objects.exists()


def test_a_key_is_changed_and_the_audit_log_says_what(api: ApiClient):
    key = add_key(add_group("main"), "a", name="old", weight=3)
    add_group("other")

    answer = api.patch(f"keys/{key.pk}", {"name": "new", "weight": None, "group": "other"})

    key.refresh_from_db()
    assert (key.name, key.weight, key.group.name) == ("new", 1, "other")
    assert answer.json()["group"] == "other"
    entry = AuditEntry.objects.get(action="change")
    assert entry.actor == "operator token: ci"
    assert entry.detail == "name 'old' → 'new'; weight '3' → '1'; moved from group 'main'"


@pytest.mark.parametrize(
    "field", ["secret", "key_hash", "status", "masked", "group_id", "position", "id", "key"]
)
def test_no_other_column_is_set_by_the_way(api: ApiClient, field: str):
    key = add_key(add_group("main"), "a")
    before = ApiKey.objects.filter(pk=key.pk).values().get()

    assert list(errors(api.patch(f"keys/{key.pk}", {field: "x"}))) == [field]
    assert ApiKey.objects.filter(pk=key.pk).values().get() == before


def test_actions_name_what_changed_and_a_mistyped_key_changes_nothing(api: ApiClient):
    key = add_key(add_group("main"), "a")
    second = add_key(key.group, "b")

    assert api.post("keys/disable", {"keys": ["nobody", key.pk]}).status_code == 404
    assert ApiKey.objects.filter(status="active").count() == 2
    answer = api.post("keys/disable", {"keys": ["group:main"]}).json()
    assert answer["changed"] == [key.pk, second.pk]
    assert api.post("keys/enable", {"keys": [second.masked]}).json()["changed"] == [second.pk]


def test_deleted_keys_are_remembered_and_leave_the_pool(api: ApiClient):
    group = add_group("main")
    ids = [add_key(group, label).pk for label in ("a", "b", "c")]
    version = pool_version()

    assert api.delete(f"keys/{ids[0]}").json() == {"deleted": 1}
    assert api.post("keys/delete", {"keys": ids[1:]}).json() == {"deleted": 2}

    assert set(RemovedKey.objects.values_list("key_id", flat=True)) == set(ids)
    assert AuditEntry.objects.filter(action="delete", object_type="key").count() == 3
    assert pool_version() == version + 2


# Groups.


def test_a_group_is_added_and_changed_in_the_words_of_the_config_file(api: ApiClient):
    made = api.post(
        "groups", {"name": "paid", "proxy_url": "http://u:pass-MARKER@proxy.example:8080"}
    ).json()
    changed = api.patch(
        f"groups/{made['id']}",
        {"spill": {"after": 0.9}, "models": ["gemini-*"], "aliases": {"fast": "gemini-2.5-flash"}},
    ).json()

    group = Group.objects.get()
    assert group.proxy_url == "http://u:pass-MARKER@proxy.example:8080"
    assert "pass-MARKER" not in str(made) + str(changed)
    assert (group.spill_after, group.models) == (0.9, ["gemini-*"])
    assert changed["spill"] == {"after": 0.9}
    assert "pass-MARKER" not in "".join(AuditEntry.objects.values_list("detail", flat=True))


def test_all_that_is_wrong_with_a_group_is_said_at_once_by_field(api: ApiClient):
    group = add_group("main")

    answer = api.patch(
        f"groups/{group.pk}", {"target_url": "ftp://x", "weight": 0, "auth": "odd way"}
    )

    assert set(errors(answer)) == {"target_url", "weight", "auth"}
    group.refresh_from_db()
    assert group.weight == 1


def test_a_name_is_taken_once(api: ApiClient):
    add_group("main")

    assert api.post("groups", {"name": "MAIN"}).status_code == 409
    assert set(errors(api.post("groups", {"weight": 2}))) == {"name"}


def test_the_gateway_itself_and_metadata_services_are_no_targets(api: ApiClient, settings: Any):
    settings.ALLOWED_HOSTS = ["gate.example"]
    for url in ("http://gate.example:9000", "http://169.254.169.254/latest"):
        body = {"name": "loop", "target_url": url}
        answer = api.ask("POST", "groups", body, host="gate.example:9000")
        assert set(errors(answer)) == {"target_url"}, url


def test_who_may_not_see_keys_sends_none_elsewhere():
    key = add_key(add_group("main"), "a")
    add_group("away", target_url="https://other.example")
    api = api_of(OPERATOR)

    for path, body in (
        (f"groups/{key.group_id}", {"target_url": "https://evil.example"}),
        (f"groups/{key.group_id}", {"proxy_url": "http://evil.example:1"}),
        (f"keys/{key.pk}", {"group": "away"}),
        (f"keys/{key.pk}", {"proxy_url": "http://evil.example:1"}),
    ):
        answer = api.patch(path, body)
        assert answer.status_code == 403
        assert "would go to another host" in answer.json()["detail"]
    key.refresh_from_db()
    assert (key.group.name, key.proxy_url, key.group.proxy_url) == ("main", None, None)


def test_a_group_goes_with_its_keys_when_its_name_is_said(api: ApiClient):
    key = add_key(add_group("main"), "a")

    assert set(errors(api.delete(f"groups/{key.group_id}"))) == {"confirm"}
    answer = api.delete(f"groups/{key.group_id}?confirm=main").json()

    assert answer == {"deleted": 1, "keys_deleted": 1}
    assert not ApiKey.objects.exists()
    assert AuditEntry.objects.filter(action="delete", object_type="key").count() == 1


def test_a_group_is_switched_off_for_a_time_and_on_again(api: ApiClient):
    group = add_group("main")

    off = api.post(f"groups/{group.pk}/off", {"hours": 1}).json()
    on = api.post(f"groups/{group.pk}/on").json()

    assert off["off_until"] is not None
    assert off["state"] != on["state"]
    assert on["off_until"] is None
    assert set(errors(api.post(f"groups/{group.pk}/off", {"hours": -1}))) == {"hours"}


@pytest.mark.parametrize("body", ["[]", '"x"', "{", "[" * 100_000, '{"name": {"a": 1}}', "\x00"])
def test_no_body_is_more_than_an_error_of_the_client(api: ApiClient, body: str):
    answer = api._client.generic(
        "POST",
        "/admin/api/groups",
        data=body,
        content_type="application/json",
        headers={"authorization": f"Bearer {api.token}"},
    )

    assert answer.status_code in (400, 422)
    assert not Group.objects.exists()


def test_a_nul_is_refused_before_a_database_stumbles_over_it(api: ApiClient):
    assert api.get("keys?group=a%00b").status_code == 422
    assert api.post("keys", {"group": "a\0b", "keys": ["x"]}).status_code == 422


def test_a_viewer_sees_no_more_of_a_secret_than_the_pages_show():
    add_key(add_group("main", proxy_url="socks5://u:pass-MARKER@p:1080"), "MARKER")
    api = api_of(VIEWER)

    for path in ("keys", "groups", "explain?model=gemini-2.5-flash", "quota"):
        text = api.get(path).content.decode()
        assert secret("MARKER") not in text
        assert "pass-MARKER" not in text
