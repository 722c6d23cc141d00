"""Two pages of one row: the second save undoes nothing of the first in silence."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from proxyapp.models import ApiKey, ClientToken, Group
from proxyapp.operators.key_actions import change_keys
from tests.support.admin_pages import (
    GROUP_FORM,
    PROXY,
    TOKEN_FORM,
    key_form,
    page,
    submit,
    superuser,
    text,
)
from tests.support.client_tokens import add_token
from tests.support.pool_data import NOW, add_group, add_key, cool, secret

pytestmark = pytest.mark.django_db(transaction=True)

SAID = "this was changed while your page was open"


@pytest.fixture
def operator() -> Client:
    return superuser()


def version(html: str) -> dict[str, str]:
    found = re.search(r'name="row_version" value="([^"]+)"', html)
    assert found
    return {"row_version": unescape(found[1])}


def differences(html: str) -> list[list[str]]:
    part = html.partition('aria-labelledby="differences"')[2].partition("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)[1:]
    return [[text(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in rows]


def opened(operator: Client, name: str, pk: int) -> dict[str, str]:
    return version(page(operator, name, pk))


def save_group(operator: Client, pk: int, **fields: str) -> str:
    return submit(operator, "proxyapp_group_change", pk, data={**GROUP_FORM, **fields})


NAMED_A = {**TOKEN_FORM, "name": "a"}


def test_a_policy_that_was_changed_meanwhile_is_not_reverted(operator: Client):
    group = add_group("main")
    first, second = (opened(operator, "proxyapp_group_change", group.pk) for _ in range(2))
    changed = {**GROUP_FORM, "rate_limit_policy": "quota_aware"}
    submit(operator, "proxyapp_group_change", group.pk, data=changed | first)

    html = save_group(operator, group.pk, weight="5", **second)

    assert SAID in text(html)
    (difference,) = differences(html)
    assert [part.partition(":")[0] for part in difference] == [
        "Rate limit policy",
        "quota_aware",
        "daily",
    ]
    assert 'name="weight" value="5"' in html
    group.refresh_from_db()
    assert (group.rate_limit_policy, group.weight) == ("quota_aware", 1)

    save_group(operator, group.pk, weight="5", **version(html))
    group.refresh_from_db()
    assert (group.rate_limit_policy, group.weight) == ("daily", 5)


def test_what_is_saved_anyway_was_seen_and_a_third_change_is_shown_again(operator: Client):
    group = add_group("main")
    old = opened(operator, "proxyapp_group_change", group.pk)
    Group.objects.update(weight=3)
    html = save_group(operator, group.pk, weight="2", **old)
    Group.objects.update(priority=9)

    again = save_group(operator, group.pk, weight="2", priority="0", **version(html))

    assert differences(again) == [["Priority", "9", "0"]]
    assert Group.objects.get().weight == 3


def test_a_daily_limit_of_a_token_is_not_lost(operator: Client):
    token = add_token("a")
    first, second = (opened(operator, "proxyapp_clienttoken_change", token.pk) for _ in range(2))
    submit(
        operator,
        "proxyapp_clienttoken_change",
        token.pk,
        data=NAMED_A | {"requests_per_day": "50"} | first,
    )

    html = submit(
        operator, "proxyapp_clienttoken_change", token.pk, data=NAMED_A | {"name": "b"} | second
    )

    assert differences(html) == [["Requests per day", "50", "(empty)"]]
    assert ClientToken.objects.get().requests_per_day == 50
    assert ClientToken.objects.get().name == "a"


def test_groups_of_a_token_that_were_taken_away_do_not_come_back(operator: Client):
    one, two = add_group("one"), add_group("two")
    token = add_token("a", groups=[one, two])
    old = opened(operator, "proxyapp_clienttoken_change", token.pk)
    token.allowed_groups.set([one])

    form = NAMED_A | {"reach": "some", "groups": [one.pk, two.pk]}
    html = submit(operator, "proxyapp_clienttoken_change", token.pk, data=form | old)

    assert differences(html) == [["Groups", "one", "one, two"]]
    assert list(token.allowed_groups.all()) == [one]


def test_a_key_that_was_disabled_meanwhile_is_not_enabled(operator: Client):
    key = add_key(add_group("main"), "one")
    old = opened(operator, "proxyapp_apikey_change", key.pk)
    change_keys("disable", [key.pk], NOW)

    html = submit(
        operator, "proxyapp_apikey_change", key.pk, data=key_form(key.group, name="new") | old
    )

    assert differences(html) == [["Status", "Disabled", "Active"]]
    key.refresh_from_db()
    assert (key.status, key.name) == ("disabled", "")


def test_what_the_gateway_writes_makes_no_form_stale(operator: Client):
    key = add_key(add_group("main"), "one")
    old = opened(operator, "proxyapp_apikey_change", key.pk)
    group_old = opened(operator, "proxyapp_group_change", key.group_id)
    cool(key, timezone.now() + timedelta(hours=1))
    ApiKey.objects.update(last_used_at=timezone.now(), updated_at=timezone.now())
    Group.objects.update(single_credential_since=NOW, updated_at=timezone.now())

    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(key.group, name="new") | old)
    save_group(operator, key.group_id, weight="4", **group_old)

    assert ApiKey.objects.get().name == "new"
    assert Group.objects.get().weight == 4


def test_a_secret_that_was_replaced_meanwhile_is_kept_or_shown_masked(operator: Client):
    key = add_key(add_group("main", proxy_url=PROXY), "one")
    old = opened(operator, "proxyapp_apikey_change", key.pk)
    group_old = opened(operator, "proxyapp_group_change", key.group_id)
    key.set_secret(secret("two"))
    key.save()
    Group.objects.update(proxy_url="http://u:pass-MARKER@other.example:1")

    replaced = key_form(key.group, new_secret=secret("three"))
    html = submit(operator, "proxyapp_apikey_change", key.pk, data=replaced | old)
    of_group = save_group(operator, key.group_id, new_proxy_url=PROXY, **group_old)
    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(key.group, name="new") | old)

    assert differences(html) == [["Replace the key", key.masked, "what you have entered"]]
    assert differences(of_group) == [
        ["Replace the proxy URL", "http://***@other.example:1", "what you have entered"]
    ]
    assert "pass-MARKER" not in of_group
    assert secret("three") not in html
    found = ApiKey.objects.get()
    assert (found.secret, found.name) == (secret("two"), "new")


def test_the_same_change_in_both_pages_is_no_conflict(operator: Client):
    group = add_group("main")
    old = opened(operator, "proxyapp_group_change", group.pk)
    Group.objects.update(weight=5)

    save_group(operator, group.pk, weight="5", priority="1", **old)

    group.refresh_from_db()
    assert (group.weight, group.priority) == (5, 1)


def save_user(operator: Client, user: User, old: dict[str, str], **fields: Any) -> str:
    joined = {"date_joined_0": "2026-11-24", "date_joined_1": "03:48:00"}
    form = {"username": user.username, "is_active": "on", **joined, **fields, **old}
    return submit(operator, "auth_user_change", user.pk, data=form)


def test_the_role_that_was_taken_from_a_user_does_not_come_back(operator: Client):
    role = Role.objects.create(name="night shift")
    user = User.objects.create(username="eve", date_joined=NOW)
    user.groups.add(role)
    old = opened(operator, "auth_user_change", user.pk)
    user.groups.clear()
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())

    html = save_user(operator, user, old, groups=[role.pk], first_name="Eve")

    assert ["Roles", "(empty)", "night shift"] in differences(html)
    assert list(user.groups.all()) == []


def test_a_log_in_meanwhile_makes_the_form_of_a_user_not_stale(operator: Client):
    user = User.objects.create(username="eve", date_joined=NOW)
    old = opened(operator, "auth_user_change", user.pk)
    moment = timezone.now()
    User.objects.filter(pk=user.pk).update(last_login=moment)

    save_user(operator, user, old, first_name="Eve")

    user.refresh_from_db()
    assert (user.first_name, user.last_login) == ("Eve", moment)


def test_the_form_of_a_role_is_no_exception(operator: Client):
    role = Role.objects.create(name="night shift")
    old = opened(operator, "auth_group_change", role.pk)
    Role.objects.filter(pk=role.pk).update(name="day shift")

    html = submit(operator, "auth_group_change", role.pk, data={"name": "late shift"} | old)

    assert differences(html) == [["Name", "day shift", "late shift"]]
    assert Role.objects.filter(name="day shift").exists()


@pytest.mark.parametrize("nonsense", ["x", "[]", "{}", "[" * 5000, "null"])
def test_a_version_that_is_none_is_of_an_old_page(operator: Client, nonsense: str):
    group = add_group("main")

    html = submit(
        operator,
        "proxyapp_group_change",
        group.pk,
        data=GROUP_FORM | {"weight": "5", "row_version": nonsense},
    )

    assert ["Weight", "1", "5"] in differences(html)
    assert Group.objects.get().weight == 1


# The list of groups, where positions are edited.


def list_form(html: str, wanted: dict[int, int]) -> dict[str, str]:
    """What the page sends when these groups got these positions."""
    inputs = [
        dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", html)
    ]
    data = {
        each["name"]: each.get("value", "") for each in inputs if "form-" in each.get("name", "")
    }
    for name, value in list(data.items()):
        if name.endswith("-id") and int(value) in wanted:
            data[name.replace("-id", "-position")] = str(wanted[int(value)])
    return {**data, "_save": "Save"}


def test_the_list_writes_only_what_was_moved_in_it(operator: Client):
    one, two = add_group("one"), add_group("two")
    html = page(operator, "proxyapp_group_changelist")
    Group.objects.filter(pk=one.pk).update(position=8)

    submit(operator, "proxyapp_group_changelist", data=list_form(html, {two.pk: 5}))

    assert dict(Group.objects.values_list("name", "position")) == {"one": 8, "two": 5}


def test_a_group_that_was_moved_meanwhile_is_moved_only_by_who_has_seen_it(operator: Client):
    one = add_group("one")
    add_group("two")
    html = page(operator, "proxyapp_group_changelist")
    Group.objects.filter(pk=one.pk).update(position=8)

    refused = submit(operator, "proxyapp_group_changelist", data=list_form(html, {one.pk: 5}))

    assert "Moved meanwhile: now at 8, yours is 5." in text(refused)
    assert Group.objects.get(pk=one.pk).position == 8
    submit(operator, "proxyapp_group_changelist", data=list_form(refused, {one.pk: 5}))
    assert Group.objects.get(pk=one.pk).position == 5


# At the same moment.


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_of_two_saves_at_one_moment_the_second_is_refused(operator: Client):
    """On both databases: it waits for the first, and compares with what that left."""
    group = add_group("main")
    old = opened(operator, "proxyapp_group_change", group.pk)
    pages: list[str] = []
    form = GROUP_FORM | {"weight": "5"} | old

    with transaction.atomic():
        Group.objects.select_for_update().get(pk=group.pk)
        thread = in_thread(
            lambda: pages.append(submit(operator, "proxyapp_group_change", group.pk, data=form))
        )
        thread.join(0.5)
        assert thread.is_alive()
        Group.objects.update(weight=9)
    thread.join(10)

    assert differences(pages[0]) == [["Weight", "9", "5"]]
    assert Group.objects.get().weight == 9
    assert connection.vendor in ("sqlite", "postgresql")
