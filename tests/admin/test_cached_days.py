"""How much of a group's prompts came from the provider's cache: by the day, on the group's page."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client

from proxyapp.models import Group
from proxyapp.operators.cached_tokens import cached_by_day
from tests.support.admin_pages import page, superuser
from tests.support.pool_data import NOW, add_group, add_key, use

pytestmark = pytest.mark.django_db
CHANGE = "proxyapp_group_change"


@pytest.fixture
def group() -> Group:
    group = add_group()
    one, two = add_key(group, "one"), add_key(group, "two")
    use(one, NOW, prompt_tokens=3000, cached_tokens=1000)
    use(two, NOW, "gemini-2.5-pro", prompt_tokens=1000, cached_tokens=1000)
    use(one, NOW - timedelta(days=1), prompt_tokens=500)
    use(one, NOW - timedelta(days=30), prompt_tokens=9999)
    use(add_key(add_group("other"), "three"), NOW, prompt_tokens=7777)
    return group


def rows(client: Client, group: Group) -> list[list[str]]:
    with time_machine.travel(NOW, tick=False):
        html = page(client, CHANGE, group.pk)
    table = re.search(r'<table[^>]*id="cached-days">(.*?)</table>', html, re.DOTALL)
    found = re.findall(r"<tr><th scope.*?</tr>", table[1] if table else "", re.DOTALL)
    return [re.findall(r">([^<>]+)</t[hd]>", row) for row in found]


def test_a_groups_page_has_its_days(group: Group):
    found = rows(superuser(), group)

    assert found[:3] == [
        ["2026-11-24", "4,000", "2,000", "50%"],
        ["2026-11-23", "500", "0", "0%"],
        ["2026-11-22", "0", "0", "-"],
    ]
    assert len(found) == 7


def test_a_group_that_was_not_used_has_none(group: Group):
    assert rows(superuser(), add_group("idle")) == []


def test_who_may_not_look_at_usage_sees_none(group: Group):
    user = User.objects.create(username="reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_group"))
    client = Client()
    client.force_login(user)

    assert rows(client, group) == []


def test_a_day_is_one_of_utc_wherever_the_clock_stands(group: Group):
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)

    assert [each.prompt for each in cached_by_day(group.pk, late, days=2)] == [4000, 500]
    assert cached_by_day(group.pk, late + timedelta(hours=1), days=1)[0].prompt == 0
