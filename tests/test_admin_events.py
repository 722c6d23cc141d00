"""The admin's pages of events, usage and the rotation."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from proxyapp.models import HourlyUsage, RateLimitEvent, RotationCursor
from tests.adminpages import act, page, rows, superuser
from tests.pooldata import NOW, add_group, add_key, cool, pool_version, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_the_list_of_events_shows_what_remains(operator: Client):
    key = add_key(add_group("main"), "one")
    cool(key, NOW + timedelta(hours=3, minutes=12))
    cool(key, NOW - timedelta(hours=1), model="gemini-2.5-pro", kind="minute")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_ratelimitevent_changelist")

    assert ">2026-11-24 07:00:00 UTC<" in html
    assert ">3 h 12 min<" in html
    assert ">gemini-2.5-pro<" in html
    assert '<td class="field-remaining">-</td>' in html


@pytest.mark.parametrize(("cooldown", "count"), [("active", 1), ("over", 2), ("released", 3), ("", 6), ("nonsense", 6)])
def test_events_are_filtered_by_what_became_of_the_cooldown(operator: Client, cooldown: str, count: int):
    key = add_key(add_group(), "one")
    cool(key, NOW + timedelta(hours=1))
    for hours in (1, 2):
        cool(key, NOW - timedelta(hours=hours))
    for hours in (3, 4, 5):
        RateLimitEvent.objects.filter(pk=cool(key, NOW + timedelta(hours=hours)).pk).update(released_at=NOW)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_ratelimitevent_changelist", cooldown=cooldown)

    assert rows(html) == count


def test_release_ends_the_selected_cooldowns_only(operator: Client):
    key = add_key(add_group(), "one")
    events = [cool(key, NOW + timedelta(hours=1)), cool(key, NOW - timedelta(hours=1))]
    other = cool(key, NOW + timedelta(hours=1), model="pro")
    version = pool_version()

    with time_machine.travel(NOW, tick=False):
        html = act(operator, "ratelimitevent", "release_cooldowns", [event.pk for event in events])

    assert "Released 1 of 2 selected cooldowns." in html
    assert list(RateLimitEvent.objects.active(NOW)) == [other]
    assert LogEntry.objects.get().change_message == "Released."
    assert pool_version() > version


@pytest.mark.parametrize("model", ["ratelimitevent", "hourlyusage", "rotationcursor"])
def test_what_the_gateway_writes_is_neither_added_nor_changed_nor_deleted(operator: Client, model: str):
    key = add_key(add_group(), "one")
    cool(key, NOW)
    use(key)
    RotationCursor.objects.create(ring="group:1", next_key=key)
    row = {"ratelimitevent": RateLimitEvent, "hourlyusage": HourlyUsage, "rotationcursor": RotationCursor}[model]
    pk = row.objects.get().pk  # type: ignore[attr-defined]

    answers = [
        operator.post(reverse(f"admin:proxyapp_{model}_{name}", args=arguments), {"post": "yes"}).status_code
        for name, arguments in (("add", []), ("change", [pk]), ("delete", [pk]))
    ]

    assert answers == [403, 403, 403]
    assert row.objects.filter(pk=pk).exists()  # type: ignore[attr-defined]
    assert "Save" not in page(operator, f"proxyapp_{model}_change", pk)


def test_usage_is_listed_by_hour_and_filtered_by_key(operator: Client):
    group = add_group()
    one, two = add_key(group, "aaaa"), add_key(group, "bbbb")
    use(one, requests=123456, prompt_tokens=77)
    use(two, requests=654321)

    html = page(operator, "proxyapp_hourlyusage_changelist", key=one.pk)

    assert "2026-11-24 03:00 UTC" in html
    assert "123456" in html
    assert "654321" not in html


def test_usage_and_events_are_filtered_by_day(operator: Client):
    key = add_key(add_group(), "one")
    use(key, NOW.replace(hour=0, minute=0), requests=111111)
    use(key, NOW.replace(hour=0, minute=0) - timedelta(hours=1), requests=222222)
    cool(key, NOW + timedelta(days=1))
    cool(key, NOW)

    with time_machine.travel(NOW, tick=False):
        usage = page(operator, "proxyapp_hourlyusage_changelist", day="2026-11-24")
        events = page(operator, "proxyapp_ratelimitevent_changelist", day="2026-11-24")
        nothing = page(operator, "proxyapp_hourlyusage_changelist", day="9999-12-31")

    assert "111111" in usage
    assert "222222" not in usage
    assert rows(events) == 1
    assert "111111" not in nothing
    assert "?day=2026-11-11" in usage


@pytest.mark.parametrize("key", ["nonsense", "99999999999999999999", "²"])
def test_a_link_to_no_key_is_no_error(operator: Client, key: str):
    use(add_key(add_group(), "one"))

    response = operator.get(reverse("admin:proxyapp_hourlyusage_changelist"), {"key": key}, follow=True)

    assert response.status_code == 200


@pytest.mark.parametrize("model", ["ratelimitevent", "hourlyusage"])
def test_a_list_takes_the_same_number_of_queries_for_any_number_of_rows(
    operator: Client, django_assert_max_num_queries: Any, model: str
):
    group = add_group()

    def add(numbers: range) -> None:
        for number in numbers:
            key = add_key(group, str(number))
            cool(key, NOW)
            use(key)

    add(range(2))
    with django_assert_max_num_queries(25) as for_few:
        page(operator, f"proxyapp_{model}_changelist")
    add(range(2, 40))

    with django_assert_max_num_queries(len(for_few.captured_queries)):
        html = page(operator, f"proxyapp_{model}_changelist")

    assert "40 " in html
