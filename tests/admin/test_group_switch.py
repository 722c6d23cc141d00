"""A group's page: its address, off and on, and the client tokens that depend on it."""

import re

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from proxyapp.models import AuditEntry, Group
from proxyapp.vocabulary.client_paths import group_and_path
from tests.support.admin_pages import page, superuser, text
from tests.support.client_tokens import add_token
from tests.support.pool_data import NOW, add_group, add_key, use
from tests.support.staff import staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def switch(client: Client, group: Group, **form: str):
    return client.post(reverse("admin:proxyapp_group_switch", args=[group.pk]), form)


def test_its_page_has_its_address_and_what_it_did_today():
    group = add_group("Nacht schicht")
    use(add_key(group, "one"), NOW, "gemini-2.5-flash", requests=7, rate_limited=2)

    html = page(superuser(), "proxyapp_group_change", group.pk)

    assert "http://testserver/g/Nacht%20schicht" in html
    assert "7 requests to the target, 2 refused with 429" in text(html)


def test_a_slash_of_its_name_is_no_part_of_the_path():
    group = add_group("a/b")
    add_key(group, "one")

    html = page(superuser(), "proxyapp_group_change", group.pk)

    shown = re.search(r"http://testserver(/g/[^<]+)<", html)
    assert shown is not None
    assert group_and_path(f"{shown[1]}/v1/models".encode()) == ("a/b", b"/v1/models")


def test_an_unknown_time_turns_nothing_off_for_good():
    group = add_group("main")
    add_key(group, "one")
    add_key(add_group("other"), "two")

    switch(superuser(), group, **{"to": "off", "for": "day"})

    group.refresh_from_db()
    assert (group.enabled, group.off_until) == (True, None)


def test_one_press_turns_it_off_for_an_hour_and_another_on_again():
    group = add_group("main")
    add_key(group, "one")
    add_key(add_group("other"), "two")
    client = superuser()

    assert switch(client, group, **{"to": "off", "for": "hour"}).status_code == 302

    html = page(client, "proxyapp_group_change", group.pk)
    assert "off until 2026-11-24 04:48 UTC" in text(html)
    assert "off until" in page(client, "proxyapp_group_changelist")
    assert AuditEntry.objects.get().detail == "until 2026-11-24 04:48 UTC"
    switch(client, group, to="on")
    group.refresh_from_db()
    assert (group.enabled, group.off_until) == (True, None)


def test_who_depends_on_it_is_named_before_it_goes_off():
    group = add_group("main")
    add_key(group, "one")
    add_key(add_group("other"), "two")
    add_token("build server", groups=[group])
    client = superuser()
    assert "build server" in page(client, "proxyapp_group_change", group.pk)

    asked = switch(client, group, to="off")

    assert "Then without a usable key: 1 client token (build server)." in asked.text
    group.refresh_from_db()
    assert group.enabled
    switch(client, group, to="off", confirmed="yes")
    group.refresh_from_db()
    assert not group.enabled


def test_the_last_available_keys_are_asked_about():
    group = add_group("main")
    add_key(group, "one")

    assert "No key will be available" in switch(superuser(), group, to="off").text


@pytest.mark.parametrize(("right", "status"), [("view_group", 403), ("change_group", 302)])
def test_only_who_may_change_groups_turns_them_off(right: str, status: int):
    group = add_group("main")
    add_key(add_group("other"), "two")

    assert switch(staff(right), group, to="off").status_code == status
    group.refresh_from_db()
    assert group.enabled == (status == 403)


def test_a_group_without_exits_shows_none():
    html = page(superuser(), "proxyapp_group_change", add_group("main").pk)

    assert ">unreadable<" not in html


def test_a_get_changes_nothing():
    group = add_group("main")

    superuser().get(reverse("admin:proxyapp_group_switch", args=[group.pk]), {"to": "off"})

    group.refresh_from_db()
    assert group.enabled
