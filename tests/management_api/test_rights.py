"""Each operation with a token of each role, and with none: only who may on the pages may here."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from proxyapp.access import operator_tokens
from proxyapp.migrations._roles import ADMIN, OPERATOR, VIEWER
from proxyapp.models import ApiKey, AuditEntry, OperatorToken
from proxyapp.models.audit import Actor
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from tests.support.admin_pages import superuser
from tests.support.client_tokens import add_token
from tests.support.operator_tokens import API, ApiClient, api_of, token_of
from tests.support.pool_data import add_group, add_key, cool, secret
from tests.support.roles import role_named, user_in

pytestmark = pytest.mark.django_db

ALL, STEERING, ALONE = {VIEWER, OPERATOR, ADMIN}, {OPERATOR, ADMIN}, {ADMIN}
NEW_KEY = "AIza" + "n" * 35


def chosen(rows: dict[str, int]) -> Any:
    return {"keys": [rows["key"]]}


OPERATIONS = {
    "GET keys": (None, ALL),
    "GET keys/{key}": (None, ALL),
    "POST keys": (lambda rows: {"group": "main", "keys": [NEW_KEY]}, STEERING),
    "PATCH keys/{key}": (lambda rows: {"name": "other"}, STEERING),
    "POST keys/release": (chosen, STEERING),
    "POST keys/disable": (chosen, STEERING),
    "POST keys/enable": (chosen, STEERING),
    "POST keys/test": (chosen, STEERING),
    "DELETE keys/{key}": (None, ALONE),
    "POST keys/delete": (chosen, ALONE),
    "GET groups": (None, ALL),
    "GET groups/{group}": (None, ALL),
    "POST groups": (lambda rows: {"name": "new"}, STEERING),
    "PATCH groups/{group}": (lambda rows: {"weight": 3}, STEERING),
    "DELETE groups/{group}?confirm=main": (None, ALONE),
    "POST groups/{group}/off": (lambda rows: {"hours": 1}, STEERING),
    "POST groups/{group}/on": (None, STEERING),
    "GET tokens": (None, ALL),
    "GET tokens/{token}": (None, ALL),
    "POST tokens": (lambda rows: {"name": "new"}, ALONE),
    "PATCH tokens/{token}": (lambda rows: {"name": "other"}, ALONE),
    "POST tokens/{token}/revoke": (None, ALONE),
    "GET events": (None, ALL),
    "POST events/release": (lambda rows: {"ids": [rows["event"]]}, STEERING),
    "GET requests": (None, ALL),
    "GET quota": (None, ALL),
    "GET usage": (None, ALL),
    "GET usage?by=client&from=2026-11-01&to=2026-11-30": (None, ALL),
    "GET explain?model=gemini-2.5-flash": (None, ALL),
    "GET openapi.json": (None, ALL),
}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    key = add_key(add_group("main", proxy_url="http://u:pass-MARKER@p:1"), "MARKER", name="first")
    monkeypatch.setattr(
        "proxyapp.upstream.key_probe.probe_keys",
        lambda ids: [ProbeResult(one, ProbeOutcome.WORKS, 200, "") for one in ids],
    )
    return {
        "key": key.pk,
        "group": key.group_id,
        "token": add_token().pk,
        "event": cool(key, timezone.now() + timedelta(hours=1)).pk,
    }


@pytest.mark.parametrize("role", sorted(ALL))
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_for_those_who_may_do_it_on_the_pages_and_for_nobody_else(
    rows: dict[str, int], name: str, role: str
):
    body, who = OPERATIONS[name]
    method, _, path = name.partition(" ")
    before = AuditEntry.objects.count()
    api = api_of(role)

    answer = api.ask(method, path.format(**rows), body and body(rows))

    assert answer.status_code == (200 if role in who else 403), answer.content
    text = answer.content.decode()
    assert secret("MARKER") not in text
    assert "pass-MARKER" not in text
    assert NEW_KEY not in text
    noted = AuditEntry.objects.exclude(actor="test").count() - before
    if method == "GET" or role not in who:
        assert noted == 0
    elif not {"POST keys/enable", "POST keys/test", "POST groups/{group}/on"} & {name}:
        assert noted > 0
        assert AuditEntry.objects.all()[0].actor == "operator token: ci"


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_session_and_no_stranger_is_let_in(rows: dict[str, int], name: str):
    method, _, path = name.partition(" ")
    for client in (superuser(), Client()):
        if name == "GET openapi.json" and client.cookies:
            continue  # which is for people, too
        answer = client.generic(
            method, f"{API}{path.format(**rows)}", content_type="application/json"
        )
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert "Bearer go-" in answer.json()["detail"]


# What a token may, and when no more.


def test_a_token_may_never_more_than_its_user_at_that_moment(rows: dict[str, int]):
    user = user_in(ADMIN)
    api = ApiClient(token_of(ADMIN, user=user))
    assert api.delete(f"keys/{rows['key']}").status_code == 200

    user.groups.set([role_named(VIEWER)])

    assert api.get("keys").status_code == 200
    assert api.patch(f"groups/{rows['group']}", {"weight": 3}).status_code == 403


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_a_token_dies_with_what_lets_its_user_in(change: dict[str, bool]):
    api = ApiClient(token_of(ADMIN, user=user_in(ADMIN)))
    User.objects.filter(username="somebody").update(**change)

    assert api.get("keys").status_code == 401


def test_a_token_dies_with_its_user_and_with_its_role():
    api, other = ApiClient(token_of(ADMIN, user=user_in(ADMIN))), api_of(VIEWER, "other")
    User.objects.filter(username="somebody").delete()
    Role.objects.filter(name=VIEWER).delete()

    assert api.get("keys").status_code == other.get("keys").status_code == 401
    assert OperatorToken.objects.count() == 2


def test_a_token_that_is_revoked_or_has_expired_says_so():
    api = api_of(VIEWER)
    now = timezone.now()
    OperatorToken.objects.update(expires_at=now)
    assert "expired" in api.get("keys").json()["detail"]
    OperatorToken.objects.update(expires_at=None)
    operator_tokens.revoke([OperatorToken.objects.get().pk], Actor("test"), now)

    assert "revoked" in api.get("keys").json()["detail"]
    assert api.get("keys").status_code == 401


def test_a_client_token_opens_nothing_here():
    assert ApiClient("gk-" + "x" * 43).get("keys").status_code == 401


def test_its_last_use_is_noted_seldom(django_assert_num_queries: Any):
    api = api_of(VIEWER)
    api.get("keys")
    first = OperatorToken.objects.get().last_used_at
    api.get("keys")

    assert first is not None
    assert OperatorToken.objects.get().last_used_at == first


def test_only_a_hash_of_a_token_is_kept():
    text = token_of(VIEWER)
    token = OperatorToken.objects.get()

    assert text not in repr(vars(token))
    assert token.masked == f"go-…{text[-4:]}"
    assert ApiKey.objects.count() == 0
