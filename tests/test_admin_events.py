"""The admin's pages of events, usage and the rotation."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from proxyapp.admin.readonly import seconds_text
from proxyapp.models import HourlyUsage, RateLimitEvent, RotationCursor
from tests.adminpages import act, cells, page, rows, superuser, text, value
from tests.pooldata import NOW, add_group, add_key, condemn, cool, pool_version, use

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

    assert cells(html, "until") == ["2026-11-24 07:00:00 UTC", "2026-11-24 02:48:00 UTC"]
    assert cells(html, "remaining") == ["3 h 12 min", "-"]
    assert cells(html, "for_model") == ["all", "gemini-2.5-pro"]


def test_the_list_and_the_page_of_an_event_show_what_the_provider_said(operator: Client):
    event = cool(
        add_key(add_group("main"), "one", project="p-1"),
        NOW + timedelta(seconds=58),
        kind="minute",
        model="gemini-2.5-pro",
        project="p-1",
        quota_id="GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        quota_limit="10",
        stated_delay_seconds=58.0,
        excerpt="Quota of <AIza…0one> exceeded",
    )

    with time_machine.travel(NOW, tick=False):
        listed = page(operator, "proxyapp_ratelimitevent_changelist")
        shown = page(operator, "proxyapp_ratelimitevent_change", event.pk)

    for column, shown_in_list in (("kind", "minute"), ("for_model", "gemini-2.5-pro"), ("for_project", "p-1")):
        assert cells(listed, column) == [shown_in_list]
    for label, shown_on_page in {
        "Project": "p-1",
        "Kind": "minute",
        "Model": "gemini-2.5-pro",
        "Quota id": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "Limit": "10",
        "Stated delay": "58 s",
        "Cooling until": "2026-11-24 03:48:58 UTC",
        "Remaining": "58 s",
        "Excerpt": "Quota of <AIza…0one> exceeded",
    }.items():
        assert value(shown, label) == shown_on_page


def test_what_the_provider_did_not_say_is_a_dash(operator: Client):
    event = cool(add_key(add_group("main"), "one", project="p-1"), NOW + timedelta(hours=1))

    shown = page(operator, "proxyapp_ratelimitevent_change", event.pk)

    assert [value(shown, name) for name in ("Project", "Quota id", "Limit", "Stated delay")] == ["-"] * 4
    assert value(shown, "Model") == "all"


@pytest.mark.parametrize(("seconds", "text"), [(58, "58 s"), (0.5, "0.5 s"), (57.7301, "57.73 s"), (86400, "86400 s")])
def test_a_stated_delay_is_shown_as_it_was_stated(seconds: float, text: str):
    assert seconds_text(seconds) == text


def test_a_dead_key_has_no_time_when_it_comes_back(operator: Client):
    event = condemn(add_key(add_group(), "one"))

    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        listed = page(operator, "proxyapp_ratelimitevent_changelist")
        shown = page(operator, "proxyapp_ratelimitevent_change", event.pk)
        over = page(operator, "proxyapp_ratelimitevent_changelist", cooldown="over")

    assert [value(shown, name) for name in ("Cooling until", "Remaining")] == ["-", "-"]
    assert cells(listed, "until") == ["-"]
    assert rows(over) == 0


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"kind": "day"}, 1),
        ({"kind": "dead_key"}, 0),
        ({"model": "gemini-2.5-pro"}, 1),
        ({"model": "*"}, 2),
        ({"model": "unheard-of"}, 0),
        ({"project": "p-1"}, 1),
        ({"q": "p-1"}, 1),
        ({"q": "PerDayPerProject"}, 1),
        ({}, 3),
    ],
    ids=str,
)
def test_events_are_found_by_kind_model_project_and_quota(operator: Client, query: dict[str, str], count: int):
    group = add_group()
    quota = {"project": "p-1", "quota_id": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
    cool(add_key(group, "one"), NOW, kind="day", model="gemini-2.5-pro", **quota)
    cool(add_key(group, "two"), NOW, kind="billing")
    cool(add_key(group, "three"), NOW)

    html = page(operator, "proxyapp_ratelimitevent_changelist", **query)

    assert rows(html) == count


def test_filters_offer_all_kinds_the_models_of_recent_events_and_the_chosen_one(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(add_group(), "one")
    for hours, model in enumerate(("new", "old", "", "older")):
        cool(key, NOW - timedelta(hours=hours), model=model)
    monkeypatch.setattr("proxyapp.admin.filters.RECENT_EVENTS", 2)

    html = page(operator, "proxyapp_ratelimitevent_changelist", model="unheard-of")

    kinds = ("daily", "minute", "day", "no_quota", "unknown_limit", "billing", "model_for_key", "dead_key")
    assert [f"kind={kind}" in html for kind in kinds] == [True] * 8
    assert [f"model={model}" in html for model in ("new", "old", "unheard-of", "older")] == [True, True, True, False]
    assert "every model" in text(html)


def test_no_filter_of_events_reads_all_of_them(operator: Client, django_assert_max_num_queries: Any):
    cool(add_key(add_group(), "one", project="p"), NOW, project="p")

    with django_assert_max_num_queries(25) as queries:
        page(operator, "proxyapp_ratelimitevent_changelist")

    statements = [query["sql"] for query in queries.captured_queries]
    assert [sql for sql in statements if "DISTINCT" in sql and "proxyapp_ratelimitevent" in sql] == []


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
