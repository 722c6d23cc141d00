"""Operator tokens in the admin and by the command: made, shown once, revoked."""

import io
import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from proxyapp.migrations._roles import ADMIN, OPERATOR
from proxyapp.models import AuditEntry, OperatorToken
from tests.support.admin_pages import act, page, superuser, text
from tests.support.operator_tokens import ApiClient, token_of
from tests.support.roles import role_named, user_in
from tests.support.staff import staff

pytestmark = pytest.mark.django_db

ADD, LIST = "proxyapp_operatortoken_add", "proxyapp_operatortoken_changelist"


def send(operator: Client, **fields: Any) -> Any:
    opened = re.search(r'name="form_number" value="([^"]+)"', page(operator, ADD))
    assert opened
    form = {"name": "ci", "role": role_named(OPERATOR).pk, "lifetime": "30"}
    return operator.post(
        reverse(f"admin:{ADD}"), {**form, "form_number": opened[1], **fields}, follow=True
    )


def shown_token(html: str) -> str:
    found = re.search(r'id="token-text">(go-[^<]+)<', html)
    assert found
    return found[1]


def test_a_token_is_shown_once_and_works_at_once(caplog: pytest.LogCaptureFixture):
    operator = superuser()

    made = send(operator)

    token = shown_token(made.content.decode())
    assert ApiClient(token).get("keys").status_code == 200
    assert ApiClient(token).get("groups/1").status_code == 404
    assert "no-store" in made["Cache-Control"]
    assert token not in page(operator, LIST) + caplog.text + str(AuditEntry.objects.values())
    entry = AuditEntry.objects.get(object_type="operator token")
    assert (entry.action, entry.label) == ("add", "ci")
    assert entry.detail.startswith("role Operator, for user ")


def test_the_same_form_sent_twice_makes_one_token():
    operator = superuser()
    send(operator)

    assert "Nothing was made now" in send(operator, form_number="x").content.decode()
    assert OperatorToken.objects.count() == 1


def test_a_name_is_taken_once():
    operator = superuser()
    send(operator)

    assert "This name is taken" in send(operator, name="CI").content.decode()
    assert OperatorToken.objects.count() == 1


def test_a_revoked_token_is_out_at_once_and_stays_in_the_list():
    token = token_of(ADMIN)
    row = OperatorToken.objects.get()

    operator = superuser()
    act(operator, "operatortoken", "revoke_tokens", [row.pk])

    assert ApiClient(token).get("keys").status_code == 401
    assert "revoked" in text(page(operator, LIST))
    assert AuditEntry.objects.filter(action="revoke", label="ci").count() == 1


def test_who_is_no_admin_makes_none():
    user_in(OPERATOR)
    response = staff("proxyapp.view_operatortoken").get(reverse(f"admin:{ADD}"))

    assert response.status_code == 403


# By the command.


def test_a_name_that_somebody_takes_at_the_same_moment_is_said_at_the_field(
    monkeypatch: pytest.MonkeyPatch,
):
    operator = superuser()
    send(operator)
    monkeypatch.setattr(OperatorToken, "validate_constraints", lambda *_, **__: None)

    taken = send(operator, name="CI")

    assert taken.status_code == 200
    assert "Somebody else has just taken this name." in text(taken.content.decode())
    assert OperatorToken.objects.count() == 1
    assert AuditEntry.objects.filter(object_type="operator token").count() == 1
    with pytest.raises(CommandError, match="taken"):
        command("create", "ci", "--user", "admin", "--role", "Viewer")


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("operator_tokens", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_makes_lists_and_revokes():
    user_in(ADMIN, "root")

    made = json.loads(command("create", "ci", "--user", "root", "--role", "viewer", "--json"))
    listed = json.loads(command("list", "--json"))

    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    assert (listed[0]["role"], listed[0]["user"], listed[0]["state"]) == (
        "Viewer",
        "root",
        "active",
    )
    assert ApiClient(made["token"]).get("keys").status_code == 200
    assert "Revoked 1 of 1 token" in command("revoke", "ci")
    assert ApiClient(made["token"]).get("keys").status_code == 401
    assert "revoked" in command("list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "ci", "--user", "nobody", "--role", "Viewer"), "no user 'nobody'"),
        (("create", "ci", "--user", "root", "--role", "odd"), "there are: Admin"),
        (("create", "", "--user", "root", "--role", "Viewer"), "blank"),
        (("revoke", "ci"), "No operator token fits 'ci'"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], said: str):
    user_in(ADMIN, "root")

    with pytest.raises(CommandError, match=re.escape(said)):
        command(*arguments)
    assert not OperatorToken.objects.exists()
