"""Who may see and do what in the admin."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from proxyapp.migrations._roles import ADMIN, OPERATOR, VIEWER, grant, make
from proxyapp.models import (
    ApiKey,
    AuditEntry,
    ClientToken,
    Group,
    OperatorToken,
    Project,
    RateLimitEvent,
)
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from tests.support.admin_pages import GROUP_FORM, PROXY, act, key_form, page, superuser, text
from tests.support.client_tokens import add_token
from tests.support.new_secret import ChangeSecret, change_secret
from tests.support.pool_data import (
    NOW,
    add_group,
    add_key,
    condemn,
    cool,
    pool_version,
    secret,
    use,
)
from tests.support.resources import add_resource
from tests.support.roles import staff

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

ALL, STEERING, ALONE, NOBODY = {VIEWER, OPERATOR, ADMIN}, {OPERATOR, ADMIN}, {ADMIN}, set[str]()
ROLES = sorted(ALL)


def permissions(role: str) -> set[str]:
    found = Role.objects.get(name=role).permissions.select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}" for permission in found}


@pytest.fixture
def key() -> ApiKey:
    return add_key(add_group("main", proxy_url=PROXY), "MARKER", name="first")


# How they are made.


def test_migrate_makes_three_roles():
    assert set(Role.objects.values_list("name", flat=True)) == ALL


def test_what_an_operator_changes_in_the_roles_survives_the_next_migrate():
    Role.objects.get(name=VIEWER).delete()
    Role.objects.get(name=OPERATOR).permissions.clear()

    call_command("migrate", verbosity=0)

    assert set(Role.objects.values_list("name", flat=True)) == {OPERATOR, ADMIN}
    assert permissions(OPERATOR) == set()


def test_a_group_that_has_the_name_of_a_role_already_stays_as_it_is():
    Role.objects.all().delete()
    Role.objects.create(name=OPERATOR)

    for role in (VIEWER, OPERATOR):
        make(apps, role, ["proxyapp.view_apikey"])

    assert permissions(OPERATOR) == set()
    assert permissions(VIEWER) == {"proxyapp.view_apikey"}


def test_a_permission_is_granted_to_a_role_that_is_still_there():
    Role.objects.get(name=VIEWER).delete()

    for role in (VIEWER, OPERATOR):
        grant(apps, role, ["proxyapp.export_config"])

    assert "proxyapp.export_config" in permissions(OPERATOR)
    assert not Role.objects.filter(name=VIEWER).exists()


def test_viewers_have_nothing_but_rights_to_look_and_none_to_see_keys_in_clear():
    assert {name.partition(".")[2].partition("_")[0] for name in permissions(VIEWER)} == {"view"}
    assert "proxyapp.view_secret" not in permissions(VIEWER) | permissions(OPERATOR)


def test_operators_neither_delete_nor_export_nor_touch_accounts():
    rights = permissions(OPERATOR)

    assert permissions(VIEWER) < rights
    assert "proxyapp.import_config" in rights
    assert {
        name for name in rights if "delete" in name or "export" in name or name.startswith("auth.")
    } == set()


def test_admins_have_every_right_of_the_gateway_and_those_over_accounts():
    every = {
        f"proxyapp.{one.codename}"
        for one in Permission.objects.filter(content_type__app_label="proxyapp")
    }

    assert every <= permissions(ADMIN)
    assert {"auth.change_user", "auth.change_group"} <= permissions(ADMIN)


# Pages.

ON_A_ROW = {"change", "delete", "history", "revoke", "secret"}
PAGES = {
    **{
        f"proxyapp_{model}_{name}": ALL
        for model in ("apikey", "group", "project")
        for name in ("changelist", "change", "history")
    },
    **{f"proxyapp_{model}_add": STEERING for model in ("apikey", "group", "project")},
    **{f"proxyapp_{model}_delete": ALONE for model in ("apikey", "group", "project")},
    "proxyapp_apikey_secret": ALONE,
    **{f"proxyapp_clienttoken_{name}": ALL for name in ("changelist", "change", "history")},
    **{f"proxyapp_clienttoken_{name}": ALONE for name in ("add", "delete", "revoke")},
    **{f"proxyapp_operatortoken_{name}": ALONE for name in ("changelist", "add", "change")},
    "proxyapp_operatortoken_delete": NOBODY,
    **{
        f"proxyapp_{model}_{name}": who
        for model in ("ratelimitevent", "hourlyusage", "auditentry", "rotationcursor", "resource")
        for name, who in (("changelist", ALL), ("add", NOBODY))
    },
    **{
        f"proxyapp_{model}_change": ALL
        for model in ("ratelimitevent", "hourlyusage", "auditentry", "resource")
    },
    **{
        f"proxyapp_{model}_delete": NOBODY
        for model in ("ratelimitevent", "hourlyusage", "auditentry", "resource")
    },
    **{
        f"auth_{model}_{name}": ALONE
        for model in ("user", "group")
        for name in ("changelist", "add")
    },
    "index": ALL,
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", PAGES)
def test_each_page_opens_for_those_who_may_see_it_and_for_nobody_else(
    key: ApiKey, role: str, name: str
):
    rows = {
        "apikey": key,
        "group": key.group,
        "clienttoken": add_token(),
        "operatortoken": OperatorToken.objects.create(name="ci", token_hash="0", masked="go-…"),
        "ratelimitevent": cool(key, NOW),
        "hourlyusage": use(key),
        "resource": add_resource(),
        "project": Project.objects.create(name="alpha"),
        "auditentry": AuditEntry.objects.create(actor="a", action="add", object_type="key"),
    }
    *_, model, kind = f"_{name}".split("_")
    arguments = [rows[model].pk] if kind in ON_A_ROW else []

    response = staff(role).get(reverse(f"admin:{name}", args=arguments))

    assert response.status_code == (200 if role in PAGES[name] else 403)
    assert secret("MARKER") not in response.content.decode()
    assert "pass-MARKER" not in response.content.decode()


def test_a_role_lets_nobody_in_who_is_no_staff(key: ApiKey):
    client = staff(ADMIN)
    User.objects.update(is_staff=False)

    response = client.get(reverse("admin:proxyapp_apikey_changelist"))

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_only_who_may_see_keys_in_clear_finds_the_way_on_the_page_of_a_key(key: ApiKey):
    links = {
        role: reverse("admin:proxyapp_apikey_secret", args=[key.pk])
        in page(staff(role, role), "proxyapp_apikey_change", key.pk)
        for role in ROLES
    }

    assert links == {VIEWER: False, OPERATOR: False, ADMIN: True}


# Actions.

Happened = Callable[[], bool]
ACTIONS: dict[tuple[str, str], tuple[set[str], Happened]] = {
    ("apikey", "release_keys"): (STEERING, lambda: not RateLimitEvent.objects.active(NOW).exists()),
    ("apikey", "disable_keys"): (
        STEERING,
        lambda: ApiKey.objects.filter(name="first", status="disabled").exists(),
    ),
    ("apikey", "enable_keys"): (
        STEERING,
        lambda: not ApiKey.objects.filter(status="invalid").exists(),
    ),
    ("apikey", "test_keys"): (
        STEERING,
        lambda: not ApiKey.objects.filter(status="invalid").exists(),
    ),
    ("apikey", "delete_selected"): (ALONE, lambda: not ApiKey.objects.exists()),
    ("group", "delete_selected"): (ALONE, lambda: not Group.objects.exists()),
    ("clienttoken", "revoke_tokens"): (
        ALONE,
        lambda: not ClientToken.objects.filter(revoked_at=None).exists(),
    ),
    ("clienttoken", "delete_selected"): (ALONE, lambda: not ClientToken.objects.exists()),
    ("ratelimitevent", "release_cooldowns"): (
        STEERING,
        lambda: not RateLimitEvent.objects.active(NOW).exists(),
    ),
    ("ratelimitevent", "delete_selected"): (NOBODY, lambda: not RateLimitEvent.objects.exists()),
    ("auditentry", "delete_selected"): (
        NOBODY,
        lambda: not AuditEntry.objects.filter(actor="past").exists(),
    ),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_each_action_works_for_those_who_may_do_it_and_for_nobody_else(
    key: ApiKey, monkeypatch: pytest.MonkeyPatch, role: str, model: str, action: str
):
    cool(key, NOW + timedelta(hours=1))
    condemn(add_key(key.group, "two"))
    AuditEntry.objects.create(actor="past", action="add", object_type="key")
    add_token()
    monkeypatch.setattr(
        "proxyapp.upstream.key_probe.probe_keys",
        lambda ids: [ProbeResult(one, ProbeOutcome.WORKS, 200, "") for one in ids],
    )
    allowed, happened = ACTIONS[model, action]
    selected = list(apps.get_model("proxyapp", model)._default_manager.values_list("pk", flat=True))

    with time_machine.travel(NOW, tick=False):
        typed = Group.objects.get().name if model == "group" else ""
        act(staff(role), model, action, selected, post="yes", confirmed="yes", typed=typed)

    assert happened() == (role in allowed)


def save_group(client: Client, key: ApiKey) -> Any:
    return client.post(
        reverse("admin:proxyapp_group_change", args=[key.group_id]),
        {**GROUP_FORM, "auth": "bearer", "position": 3},
    )


def save_key(client: Client, key: ApiKey) -> Any:
    form = key_form(key.group, new_secret=secret("another"), status="disabled")
    return client.post(reverse("admin:proxyapp_apikey_change", args=[key.pk]), form)


def add_one(client: Client, key: ApiKey) -> Any:
    return client.post(
        reverse("admin:proxyapp_apikey_add"), key_form(key.group, new_secret=secret("another"))
    )


def delete_group(client: Client, key: ApiKey) -> Any:
    return client.post(
        reverse("admin:proxyapp_group_delete", args=[key.group_id]),
        {"post": "yes", "typed": key.group.name},
    )


def make_token(client: Client, key: ApiKey) -> Any:
    """Sent by who could not open the form, too."""
    opened = client.get(reverse("admin:proxyapp_clienttoken_add")).content.decode()
    number = re.search(r'name="form_number" value="([^"]+)"', opened)
    form = {
        "name": "new",
        "reach": "all",
        "lifetime": "never",
        "form_number": number[1] if number else "",
    }
    return client.post(reverse("admin:proxyapp_clienttoken_add"), form)


def change_token(client: Client, key: ApiKey) -> Any:
    form = {"name": "renamed", "reach": "all", "lifetime": "never"}
    return client.post(reverse("admin:proxyapp_clienttoken_change", args=[add_token().pk]), form)


def revoke_token(client: Client, key: ApiKey) -> Any:
    return client.post(reverse("admin:proxyapp_clienttoken_revoke", args=[add_token().pk]))


def delete_token(client: Client, key: ApiKey) -> Any:
    return client.post(
        reverse("admin:proxyapp_clienttoken_delete", args=[add_token().pk]), {"post": "yes"}
    )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("change", [make_token, change_token, revoke_token, delete_token])
def test_only_admins_let_clients_in_or_out(
    key: ApiKey, role: str, change: Callable[[Client, ApiKey], Any]
):
    response = change(staff(role), key)

    done = AuditEntry.objects.filter(object_type="token", actor="somebody")
    assert response.status_code == (403 if role != ADMIN else 200 if change is make_token else 302)
    assert done.count() == (1 if role == ADMIN else 0)


def make_superuser(client: Client, key: ApiKey) -> Any:
    user = User.objects.get(username="somebody")
    joined = {"date_joined_0": "2026-11-24", "date_joined_1": "03:48:00"}
    form = {"username": "somebody", "is_staff": "on", "is_superuser": "on", **joined}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), form)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (save_group, STEERING),
        (save_key, STEERING),
        (add_one, STEERING),
        (delete_group, ALONE),
        (make_superuser, ALONE),
    ],
)
def test_each_form_is_taken_from_those_who_may_send_it_and_from_nobody_else(
    key: ApiKey, role: str, change: Callable[[Client, ApiKey], Any], allowed: set[str]
):
    client, version = staff(role), pool_version()

    response = change(client, key)

    assert response.status_code == (302 if role in allowed else 403)
    if change is not make_superuser:
        assert (pool_version() > version) == (role in allowed)


# Superusers.


def test_an_admin_makes_nobody_a_superuser(key: ApiKey):
    make_superuser(staff(ADMIN), key)

    assert not User.objects.filter(is_superuser=True).exists()


def delete_users(client: Client, *ids: int) -> None:
    form = {"action": "delete_selected", "_selected_action": ids, "post": "yes"}
    client.post(reverse("admin:auth_user_changelist"), form)


def test_an_admin_neither_changes_nor_deletes_a_superuser():
    client, root = (
        staff(ADMIN),
        User.objects.create(username="root", password="!", is_superuser=True),
    )
    other = User.objects.create(username="other")
    passwords = {
        "password1": "Zz-very-long-93",
        "password2": "Zz-very-long-93",
        "usable_password": "true",
    }

    changed = client.post(reverse("admin:auth_user_change", args=[root.pk]), {"username": "mine"})
    taken = client.post(reverse("admin:auth_user_password_change", args=[root.pk]), passwords)
    deleted = client.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"})
    delete_users(client, root.pk, other.pk)
    assert [answer.status_code for answer in (changed, taken, deleted)] == [403, 403, 403]
    assert set(User.objects.filter(password="!").values_list("username", flat=True)) == {"root"}
    assert User.objects.filter(username="other").exists()

    delete_users(client, other.pk)
    assert not User.objects.filter(username="other").exists()


# Words.


def test_the_pages_of_roles_call_them_so():
    admin, pk = superuser(), Role.objects.get(name=VIEWER).pk

    for name, *arguments in (
        ("changelist",),
        ("add",),
        ("change", pk),
        ("delete", pk),
        ("history", pk),
    ):
        html = admin.get(reverse(f"admin:auth_group_{name}", args=arguments)).content.decode()
        main = text(html.partition('id="main"')[2])
        assert "Roles" in main, name
        assert "Delete group" not in main, name
        assert ">Groups</a>" not in html.partition('id="main"')[2], name


def test_the_name_of_roles_makes_no_migration():
    call_command("makemigrations", "auth", check=True, dry_run=True, verbosity=0)


# Keys in clear.


def address(key: ApiKey) -> str:
    return reverse("admin:proxyapp_apikey_secret", args=[key.pk])


def test_a_key_is_shown_after_a_question_and_each_showing_is_logged(key: ApiKey):
    admin = staff(ADMIN, "adele")

    question = admin.get(address(key)).content.decode()
    assert secret("MARKER") not in question
    assert not AuditEntry.objects.exists()
    answers = [admin.post(address(key)) for _ in range(2)]

    for answer in answers:
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        html = answer.content.decode()
        assert html.count(secret("MARKER")) == 1
        title = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
        assert title
        assert secret("MARKER") not in title[1]
    entries = AuditEntry.objects.filter(action="show")
    assert [(one.actor, one.object_id, one.label) for one in entries] == [
        ("adele", str(key.pk), str(key))
    ] * 2


def test_the_question_can_be_answered_in_a_browser_and_a_foreign_page_cannot_answer_it(key: ApiKey):
    admin = Client(enforce_csrf_checks=True)
    admin.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
    token = re.search(
        r'name="csrfmiddlewaretoken" value="(\w+)"', admin.get(address(key)).content.decode()
    )
    assert token

    forged = admin.post(address(key))
    answered = admin.post(address(key), {"csrfmiddlewaretoken": token[1]})

    assert forged.status_code == 403
    assert secret("MARKER") in answered.content.decode()
    assert AuditEntry.objects.filter(action="show").count() == 1


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
def test_viewers_and_operators_are_shown_no_key_and_nothing_is_logged(key: ApiKey, role: str):
    response = staff(role).post(address(key))

    assert response.status_code == 403
    assert secret("MARKER") not in response.content.decode()
    assert not AuditEntry.objects.exists()


def test_who_may_see_keys_in_clear_but_no_keys_sees_none(key: ApiKey):
    user = User.objects.create(username="half", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_secret"))
    client = Client()
    client.force_login(user)

    assert client.post(address(key)).status_code == 403


@pytest.mark.parametrize("wrong", ["0", "nonsense", "9" * 30])
def test_a_key_that_is_not_there_is_not_found(key: ApiKey, wrong: str):
    assert superuser().post(address(key).replace(f"/{key.pk}/", f"/{wrong}/")).status_code == 404


def test_a_key_that_cannot_be_read_is_not_shown_and_no_showing_is_logged(
    key: ApiKey, change_secret: ChangeSecret
):
    change_secret(forget_older=True)

    html = superuser().post(address(key)).content.decode()

    assert "cannot be decrypted with this SECRET_KEY" in text(html)
    assert not AuditEntry.objects.exists()
