"""What operators change on the pages reaches a running process as the change that it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from proxyapp.models import ApiKey, Group
from proxyapp.pool.cursor import raise_pool_version
from tests.support.admin_pages import GROUP_FORM, act, key_form, submit, superuser
from tests.support.pool_data import add_group, add_key, cool, secret
from tests.support.pool_follower import Follower, picture, whole

pytestmark = pytest.mark.django_db


def add_a_key(operator: Client) -> None:
    group = Group.objects.get(name="b")
    form = key_form(group, new_secret=secret("new"), position=1, project="red")
    submit(operator, "proxyapp_apikey_add", data=form)


def rename_a_key(operator: Client) -> None:
    key = ApiKey.objects.order_by("pk")[0]
    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(key.group, name="other"))


def move_a_key(operator: Client) -> None:
    key = ApiKey.objects.order_by("pk")[0]
    form = key_form(Group.objects.get(name="c"), position=9, project="red")
    submit(operator, "proxyapp_apikey_change", key.pk, data=form)


def delete_a_key(operator: Client) -> None:
    """The one that was refused for its whole project."""
    key = ApiKey.objects.exclude(events=None)[0]
    submit(operator, "proxyapp_apikey_delete", key.pk, data={"post": "yes"})


def delete_keys(operator: Client) -> None:
    act(operator, "apikey", "delete_selected", [key.pk for key in ApiKey.objects.all()[:2]])
    keys = [key.pk for key in ApiKey.objects.all()[:2]]
    act(operator, "apikey", "delete_selected", keys, post="yes")


def disable_keys(operator: Client) -> None:
    act(operator, "apikey", "disable_keys", [key.pk for key in ApiKey.objects.all()[:3]])


def add_a_group(operator: Client) -> None:
    submit(operator, "proxyapp_group_add", data={**GROUP_FORM, "name": "new"})


def edit_a_group(operator: Client) -> None:
    group = Group.objects.get(name="b")
    form = {**GROUP_FORM, "name": "renamed", "rate_limit_policy": "quota_aware", "weight": "3"}
    submit(operator, "proxyapp_group_change", group.pk, data={**form, "priority": "1"})


def drag_a_group(operator: Client) -> None:
    data = {"form-TOTAL_FORMS": 3, "form-INITIAL_FORMS": 3, "_save": "Save"}
    groups = list(Group.objects.order_by("position"))
    for number, (group, position) in enumerate(zip(groups, (2, 1, 2), strict=True)):
        data |= {f"form-{number}-id": group.pk, f"form-{number}-position": position}
    submit(operator, "proxyapp_group_changelist", data=data)


def delete_a_group(operator: Client) -> None:
    group = Group.objects.get(name="b")
    data = {"post": "yes", "typed": "b"}
    submit(operator, "proxyapp_group_delete", group.pk, data=data)


CHANGES: list[Callable[[Client], None]] = [
    add_a_key, rename_a_key, move_a_key, delete_a_key, delete_keys, disable_keys,
    add_a_group, edit_a_group, drag_a_group, delete_a_group,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_process_takes_it_up_and_reads_nothing_else(change: Callable[[Client], None]):
    for name in "abc":
        group = add_group(name)
        for number in range(3):
            add_key(group, f"{name}{number}", project="red" if number == 1 else "")
    now = datetime.now(UTC)
    for model in ("", "pro"):
        key = ApiKey.objects.filter(group__name="b", project="red").get()
        cool(key, now + timedelta(hours=1), project="red", model=model)
    raise_pool_version()
    process = Follower(now=now)
    before = picture(process)

    change(superuser())
    process.refresh()

    assert (process.takes, process.reloads) == (1, 1)
    assert picture(process) == picture(whole(process)) != before
