"""Tests of keys by operators: which keys they put back, and the admin's action that runs them."""

from collections.abc import Iterable

import httpx
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from proxyapp.models import ApiKey, AuditEntry, Group, KeyProbe, RateLimitEvent
from proxyapp.operators import key_tests
from proxyapp.operators.key_tests import Changes
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from tests.conftest import MakeGateway
from tests.support.admin_pages import act, said, superuser
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.pool_data import add_group, add_key, condemn, pool_version, secret
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db
WORKS = ProbeOutcome.WORKS


@pytest.fixture
def group(upstream: FakeUpstream) -> Group:
    return add_group(target_url=upstream.url, auth="google")


@pytest.fixture
def operator() -> Client:
    return superuser()


# The way back, and the way out.


def test_a_key_that_is_dead_is_taken_out_until_it_works_again(group: Group, upstream: FakeUpstream):
    key = add_key(group, "one")
    upstream.refuse(secret("one"), status=400, body="400_api_key_invalid")

    changes = key_tests.follow(key_tests.ask_provider([key.pk]))

    key.refresh_from_db()
    assert changes.condemned == {key.pk}
    assert (key.status, "API key not valid" in key.status_reason) == ("invalid", True)
    upstream.recover(secret("one"))
    assert key_tests.follow(key_tests.ask_provider([key.pk])).enabled == {key.pk}


def test_an_invalid_key_that_works_is_put_back(group: Group):
    key = add_key(group, "one")
    condemn(key)
    version = pool_version()

    findings = key_tests.ask_provider([key.pk])
    changes = key_tests.follow(findings)

    assert changes.enabled == {key.pk}
    assert (
        key_tests.describe(findings.results[0], changes)
        == "works; it was invalid and is enabled again"
    )
    key.refresh_from_db()
    assert (key.status, key.status_reason) == ("active", "")
    assert pool_version() == version + 1


def test_all_other_keys_stay_as_they_are(group: Group, upstream: FakeUpstream):
    for label in ("failing", "condemned"):
        upstream.refuse(secret(label), status=429)
    keys = [
        add_key(group, "works"),
        add_key(group, "failing"),
        add_key(group, "disabled", status="disabled"),
    ]
    keys.append(add_key(group, "condemned"))
    condemn(keys[3])
    version = pool_version()

    findings = key_tests.ask_provider([key.pk for key in keys])
    changes = key_tests.follow(findings)

    assert [result.ok for result in findings.results] == [True, False, True, False]
    assert changes == Changes(set(), set())
    statuses = list(ApiKey.objects.values_list("status", "status_reason"))
    assert statuses == [
        ("active", ""),
        ("active", ""),
        ("disabled", ""),
        ("invalid", "API key expired."),
    ]
    assert pool_version() == version


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "disabled"}, "disabled"),
        ({"key_hash": "of another secret"}, "invalid"),
        ({"status": "active", "status_reason": "by hand"}, "active"),
    ],
    ids=["disabled", "replaced", "enabled"],
)
def test_what_an_operator_does_during_a_test_stands(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], status: str
):
    key = add_key(add_group(), "one")
    condemn(key)

    def probe_keys(key_ids: Iterable[int]) -> list[ProbeResult]:
        ApiKey.objects.update(**change)
        return [ProbeResult(key_id, WORKS, 200, "works") for key_id in key_ids]

    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", probe_keys)
    version = pool_version()

    changes = key_tests.follow(key_tests.ask_provider([key.pk]))

    assert changes == Changes(set(), set())
    assert pool_version() == version
    key.refresh_from_db()
    assert (key.status, key.status_reason) == (
        status,
        change.get("status_reason", "API key expired."),
    )


def test_a_key_that_became_invalid_during_a_test_is_not_put_back(monkeypatch: pytest.MonkeyPatch):
    key = add_key(add_group(), "one")

    def probe_keys(key_ids: Iterable[int]) -> list[ProbeResult]:
        condemn(key)
        return [ProbeResult(key_id, WORKS, 200, "works") for key_id in key_ids]

    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", probe_keys)

    changes = key_tests.follow(key_tests.ask_provider([key.pk]))

    assert changes == Changes(set(), set())
    assert ApiKey.objects.get().status == "invalid"


# The action of the admin.


def probes(monkeypatch: pytest.MonkeyPatch, *, failing: Iterable[ApiKey] = ()) -> list[int]:
    """Stands in for the provider; returns the keys that it was asked about.

    The `failing` ones do not work, all others do.
    """
    asked: list[int] = []
    dead = {key.pk for key in failing}

    def probe_keys(key_ids: Iterable[int]) -> list[ProbeResult]:
        asked.extend(key_ids)
        bad = (ProbeOutcome.DEAD, 400, "the key is dead: API key <expired>.")
        return [ProbeResult(pk, *(bad if pk in dead else (WORKS, 200, "works"))) for pk in asked]

    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", probe_keys)
    return asked


def test_a_test_says_what_the_provider_said_of_each_key_and_takes_out_a_dead_one(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    group = add_group()
    one, two = add_key(group, "one", name="first"), add_key(group, "two")
    probes(monkeypatch, failing=[two])
    version = pool_version()

    html = act(operator, "apikey", "test_keys", [one.pk, two.pk])

    assert said(html) == [
        (
            "error",
            "Key AIza…0two: 400, the key is dead: API key <expired>.; it is taken out of rotation",
        ),
        ("success", "Key first (AIza…0one): 200, works"),
    ]
    assert list(ApiKey.objects.values_list("status", flat=True)) == ["active", "invalid"]
    assert pool_version() == version + 1
    event = RateLimitEvent.objects.get()
    assert (event.key, event.kind, event.http_status) == (two, "dead_key", 400)
    assert LogEntry.objects.get().change_message == "Tested and taken out: it is dead."
    assert AuditEntry.objects.get().action == "disable"
    assert KeyProbe.objects.get(key=two).due_at


def test_a_test_puts_an_invalid_key_that_works_back_and_logs_who_did_it(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    group = add_group()
    one, two, three = (add_key(group, label) for label in ("one", "two", "three"))
    condemn(one)
    condemn(two)
    ApiKey.objects.filter(pk=three.pk).update(status="disabled")
    probes(monkeypatch, failing=[two])
    version = pool_version()

    html = act(operator, "apikey", "test_keys", [one.pk, two.pk, three.pk])

    assert said(html)[0] == (
        "success",
        "Key AIza…0one: 200, works; it was invalid and is enabled again",
    )
    assert list(ApiKey.objects.values_list("status", "status_reason")) == [
        ("active", ""),
        ("invalid", "API key expired."),
        ("disabled", ""),
    ]
    assert pool_version() == version + 1
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(one.pk), "Tested and enabled: it works.")


def test_a_test_of_a_key_without_an_answer_says_why(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(add_group(), "one")
    result = ProbeResult(key.pk, ProbeOutcome.INCONCLUSIVE, None, "waited 10 s in vain")
    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", lambda _: [result])

    html = act(operator, "apikey", "test_keys", [key.pk])

    assert said(html) == [("error", "Key AIza…0one: no answer, waited 10 s in vain")]


def test_of_many_tested_keys_the_failing_ones_are_named_and_the_rest_is_counted(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    group = add_group()
    keys = [add_key(group, str(number), name=f"key-{number}") for number in range(30)]
    probes(monkeypatch, failing=keys[-2:])

    html = act(operator, "apikey", "test_keys", [key.pk for key in keys])

    assert len(said(html)) == 21
    assert [text.split()[1] for level, text in said(html) if level == "error"] == [
        "key-28",
        "key-29",
    ]
    assert said(html)[-1] == ("success", "And 10 more: 10 work, 0 failed.")


def test_two_hundred_keys_are_tested_at_once(operator: Client, monkeypatch: pytest.MonkeyPatch):
    group = add_group()
    ids = [add_key(group, str(number)).pk for number in range(200)]
    asked = probes(monkeypatch)

    html = act(operator, "apikey", "test_keys", ids[:1], select_across="1")

    assert sorted(asked) == ids
    assert said(html)[-1] == ("success", "And 180 more: 180 work, 0 failed.")


def test_who_may_only_look_tests_nothing(monkeypatch: pytest.MonkeyPatch):
    key = add_key(add_group(), "one")
    condemn(key)
    asked = probes(monkeypatch)
    user = User.objects.create(username="viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_apikey"))
    viewer = Client()
    viewer.force_login(user)

    html = act(viewer, "apikey", "test_keys", [key.pk])

    assert "test_keys" not in html
    assert asked == []
    assert ApiKey.objects.get().status == "invalid"


# The running gateway.


def invalidate(gateway: Gateway, name: str) -> int:
    """Its id."""
    script = (
        "from proxyapp.operators import key_actions; from proxyapp.models import ApiKey; key ="
        f" ApiKey.objects.get(name={name!r}); key_actions.set_status([key.pk], 'invalid',"
        " reason='expired'); print('id', key.pk)"
    )
    done = gateway.manage("shell", "-c", script)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.rpartition("id ")[2])


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_the_admin_of_a_running_gateway_puts_a_key_back_into_rotation(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
):
    environment = {"DJANGO_SUPERUSER_USERNAME": "ops", "DJANGO_SUPERUSER_PASSWORD": "given-secret"}
    keys = [{"key": "KEY-A", "name": "first"}, {"key": "KEY-B", "name": "second"}]
    gateway = make_gateway(keys, env=environment, server=server)
    key_id = invalidate(gateway, "second")

    with httpx.Client(
        base_url=gateway.url, trust_env=False, follow_redirects=True, timeout=30
    ) as browser:
        browser.get("/admin/login/")
        token = {"csrfmiddlewaretoken": browser.cookies["gateway_csrf"]}
        browser.post("/admin/login/", data={"username": "ops", "password": "given-secret", **token})
        token = {"csrfmiddlewaretoken": browser.cookies["gateway_csrf"]}
        form = {"action": "test_keys", "_selected_action": str(key_id), **token}
        answer = browser.post("/admin/proxyapp/apikey/", data=form)
        upstream.reset()
        wait_for(lambda: browser.get("/v1beta/models") and "KEY-B" in upstream.picked())

    assert "200, works; it was invalid and is enabled again" in answer.text
    assert [key["state"] for key in gateway.keys()] == ["available", "available"]
