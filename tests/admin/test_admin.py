"""What all pages of the admin have in common."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from proxyapp.models import ApiKey, AuditEntry, RateLimitEvent, RotationCursor
from tests.support.admin_pages import (
    PROXY,
    act,
    cells,
    change_secrets,
    page,
    submit,
    superuser,
    text,
)
from tests.support.pool_data import NOW, add_group, add_key, cool, secret, use
from tests.support.roles import role_named

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def viewer_client() -> Client:
    user = User.objects.create_user("viewer", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def test_no_page_shows_a_key_or_a_proxy_password(operator: Client):
    group = add_group("main", proxy_url=PROXY, single_credential_since=NOW)
    key = add_key(group, "MARKER", name="first", last_used_at=NOW)
    event = cool(key, NOW + timedelta(hours=1))
    usage = use(key, requests=1)
    cursor = RotationCursor.objects.create(ring="", next_key=key)
    change_secrets(operator, key, secret("two-MARKER"), PROXY + "1")
    objects = {
        "group": group,
        "apikey": key,
        "ratelimitevent": event,
        "hourlyusage": usage,
        "rotationcursor": cursor,
    }

    shown = [page(operator, "index"), page(operator, "app_list", "proxyapp")]
    for model, row in objects.items():
        shown.append(page(operator, f"proxyapp_{model}_changelist"))
        shown += [
            page(operator, f"proxyapp_{model}_{name}", row.pk) for name in ("change", "history")
        ]
    for model in ("group", "apikey"):
        shown += [
            page(operator, f"proxyapp_{model}_add"),
            page(operator, f"proxyapp_{model}_delete", objects[model].pk),
        ]
        shown.append(act(operator, model, "delete_selected", [objects[model].pk]))

    html = "".join(shown)
    key.refresh_from_db()
    assert key.masked in html
    assert "socks5://***@proxy.example" in html
    leaks = [secret("MARKER"), secret("two-MARKER"), "pass-MARKER", key.key_hash, "gAAAA"]
    assert [leak for leak in leaks if leak in html] == []
    logged = "".join(
        f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()
    )
    assert [leak for leak in leaks if leak in logged] == []


def test_pages_bear_the_name_of_the_gateway_bring_their_icon_and_offer_no_site(operator: Client):
    for html in (page(operator, "index"), Client().get(reverse("admin:login")).content.decode()):
        assert "Gemini Key Gateway" in html
        assert '<link rel="icon" href="/static/proxyapp/icon.svg"' in html
        assert "View site" not in html


def test_who_may_only_look_sees_every_page_and_can_do_nothing(django_user_model: Any):
    group = add_group("main", proxy_url=PROXY)
    key = add_key(group, "MARKER")
    event = cool(key, NOW + timedelta(hours=1))
    viewer = viewer_client()

    with time_machine.travel(NOW, tick=False):
        html = "".join(
            page(viewer, f"proxyapp_{model}_{name}", *arguments)
            for model, pk in (("group", group.pk), ("apikey", key.pk), ("ratelimitevent", event.pk))
            for name, arguments in (("changelist", []), ("change", [pk]))
        )
        act(viewer, "apikey", "disable_keys", [key.pk])
        act(viewer, "ratelimitevent", "release_cooldowns", [event.pk])

    assert secret("MARKER") not in html
    assert "pass-MARKER" not in html
    assert ApiKey.objects.get().status == "active"
    assert RateLimitEvent.objects.active(NOW).exists()


def test_without_a_login_there_is_only_the_login_page():
    add_key(add_group(), "one")

    response = Client().get(reverse("admin:proxyapp_apikey_changelist"))

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_after_a_login_comes_the_dashboard():
    User.objects.create_superuser("admin", password="a-long-password")

    response = Client().post(
        reverse("admin:login"), {"username": "admin", "password": "a-long-password"}
    )

    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_the_sidebar_has_the_pages_that_one_may_see(operator: Client):
    user = User.objects.create_user("events only", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_ratelimitevent"))
    reader = Client()
    reader.force_login(user)

    assert titles(page(operator, "index")) == [
        *(
            "Dashboard",
            "Keys",
            "Groups",
            "Requests",
            "Events",
            "Usage",
            "Resources",
            "Alerts",
            "Import / export",
            "Audit log",
        ),
        *("Client tokens", "Operator tokens", "Users", "Roles"),
    ]
    assert titles(page(reader, "index")) == ["Dashboard", "Events"]


def titles(html: str) -> list[str]:
    sidebar = html[html.index('id="nav-sidebar-apps"') : html.index('id="main"')]
    return re.findall(r"<li>.*?<span>(.*?)</span>", sidebar, re.DOTALL)


@pytest.mark.parametrize(
    "name", ["index", "password_change", "auth_user_add", "auth_group_add", "proxyapp_apikey_add"]
)
def test_no_page_loads_anything_from_another_host(operator: Client, name: str):
    html = page(operator, name)

    links = re.findall(r"""(?:src|href|action)=["']([^"']+)""", html)
    assert "/static/proxyapp/admin.css" in links
    assert [link for link in links if re.match(r"(https?:)?//", link)] == []


def test_a_user_that_somebody_else_adds_at_the_same_moment_is_an_error_of_the_form(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(User, "validate_unique", lambda *_, **__: monkeypatch.undo())
    User.objects.create(username="wendy")
    password = {"password1": "a-long-passphrase", "password2": "a-long-passphrase"}

    answer = submit(
        operator,
        "auth_user_add",
        data={"username": "wendy", "usable_password": "true", **password},
    )

    assert "already exists" in text(answer)
    assert User.objects.filter(username="wendy").count() == 1


def test_users_and_roles_are_made_and_listed(operator: Client):
    submit(operator, "auth_group_add", data={"name": "watchers"})
    role = Role.objects.get(name="watchers")
    passwords = {
        "password1": "a-long-password",
        "password2": "a-long-password",
        "usable_password": "true",
    }
    submit(operator, "auth_user_add", data={"username": "wendy", **passwords})
    wendy = User.objects.get(username="wendy")
    joined = {"date_joined_0": "2026-11-24", "date_joined_1": "03:48:00"}
    fields = {
        "username": "wendy",
        "is_active": "on",
        "is_staff": "on",
        "groups": [role.pk],
        **joined,
    }
    submit(operator, "auth_user_change", wendy.pk, data=fields)

    listed = page(operator, "auth_group_changelist")

    assert "Roles" in text(listed)
    assert cells(listed, "__str__")[-1] == "watchers"
    assert cells(page(operator, "auth_user_changelist"), "username") == ["admin", "wendy"]
    assert list(User.objects.get(is_superuser=False, is_staff=True).groups.all()) == [role]
    assert Client().login(username="wendy", password="a-long-password")


def test_a_user_gets_a_role_on_the_page_that_makes_them_and_may_enter(operator: Client):
    role = role_named("Viewer")
    password = {"usable_password": "true", "password1": "a-long-pw-9", "password2": "a-long-pw-9"}

    submit(operator, "auth_user_add", data={"username": "wendy", "role": role.pk, **password})

    wendy = User.objects.get(username="wendy")
    assert (wendy.is_staff, list(wendy.groups.all())) == (True, [role])
    told = AuditEntry.objects.get(object_type="user").detail
    assert told == "Added: username 'wendy'; role 'Viewer'"
    client = Client()
    client.force_login(wendy)
    assert client.get(reverse("admin:index")).status_code == 200


def test_the_menu_of_the_account_leads_to_the_change_of_the_password(operator: Client):
    assert f'href="{reverse("admin:password_change")}"' in page(operator, "index")
