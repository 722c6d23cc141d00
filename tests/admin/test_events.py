"""The admin's pages of events, and of the rotation."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from proxyapp.admin.parts import looking_back
from proxyapp.admin.parts.readonly import seconds_text
from proxyapp.admin.records import capped_pages
from proxyapp.models import AuditEntry, DailyUsage, KeyProbe, RateLimitEvent, RotationCursor
from tests.support.admin_pages import act, cells, page, rows, said, submit, superuser, text, value
from tests.support.pool_data import NOW, add_group, add_key, condemn, cool, pool_version, use

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

    columns = {
        "kind_badge": "minute limit",
        "for_model": "gemini-2.5-pro",
        "for_project": "p-1",
        "status": "429",
    }
    for column, shown_in_list in columns.items():
        assert cells(listed, column) == [shown_in_list]
    for label, shown_on_page in {
        "Project": "p-1",
        "Kind": "minute limit",
        "Meaning": "requests or tokens a minute",
        "Model": "gemini-2.5-pro",
        "Quota id": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "Limit": "10",
        "Stated delay": "58 s",
        "Cooling until": "2026-11-24 03:48:58 UTC",
        "Remaining": "58 s",
        "Status": "429",
        "Answer": "Quota of <AIza…0one> exceeded",
    }.items():
        assert value(shown, label) == shown_on_page


def test_what_the_provider_did_not_say_is_a_dash(operator: Client):
    event = cool(add_key(add_group("main"), "one", project="p-1"), NOW + timedelta(hours=1))

    shown = page(operator, "proxyapp_ratelimitevent_change", event.pk)

    assert [value(shown, name) for name in ("Project", "Quota id", "Limit", "Stated delay")] == [
        "-"
    ] * 4
    assert value(shown, "Model") == "all"


@pytest.mark.parametrize(
    ("seconds", "text"), [(58, "58 s"), (0.5, "0.5 s"), (57.7301, "57.73 s"), (86400, "86400 s")]
)
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
def test_events_are_found_by_kind_model_project_and_quota(
    operator: Client, query: dict[str, str], count: int
):
    group = add_group()
    quota = {"project": "p-1", "quota_id": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
    cool(add_key(group, "one"), NOW, kind="day", model="gemini-2.5-pro", **quota)
    cool(add_key(group, "two"), NOW, kind="billing")
    cool(add_key(group, "three"), NOW)

    html = page(operator, "proxyapp_ratelimitevent_changelist", **query)

    assert rows(html) == count


@pytest.mark.parametrize(
    "query", [{"kind": "billing"}, {"model": "m"}, {"cooldown": "over"}, {"q": "one"}], ids=str
)
def test_what_no_index_finds_is_looked_for_among_the_newest_events_and_the_page_says_so(
    operator: Client, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
):
    monkeypatch.setattr(looking_back, "MOST_ROWS", 1)
    monkeypatch.setattr(capped_pages, "FEW_KEYS", 0)
    key = add_key(add_group(), "one", name="one")
    for hours in (1, 2, 3):
        cool(key, NOW - timedelta(hours=hours), kind="billing", model="m", project="p")

    html = page(operator, "proxyapp_ratelimitevent_changelist", **query)
    narrow = page(operator, "proxyapp_ratelimitevent_changelist", project="p", key=key.pk)

    assert rows(html) == 2
    assert "among the newest 1 events" in html
    assert rows(narrow) == 3
    assert "among the newest" not in narrow


@pytest.mark.parametrize("few_keys", [500, 0])
def test_events_are_filtered_by_group(
    operator: Client, monkeypatch: pytest.MonkeyPatch, few_keys: int
):
    monkeypatch.setattr(capped_pages, "FEW_KEYS", few_keys)
    one, two = add_key(add_group("main"), "aaaa"), add_key(add_group("other"), "bbbb")
    for key in (one, two, two):
        cool(key, NOW)

    counts = [
        rows(page(operator, "proxyapp_ratelimitevent_changelist", key__group__id__exact=group))
        for group in (one.group_id, two.group_id, 10**25, "nonsense")
    ]

    assert counts == [1, 2, 0, 0]


def test_filters_offer_the_models_of_recent_events_and_the_chosen_one(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(add_group(), "one")
    for hours, model in enumerate(("new", "old", "", "older")):
        cool(key, NOW - timedelta(hours=hours), model=model)
    monkeypatch.setattr("proxyapp.admin.parts.filters.RECENT_EVENTS", 2)

    html = page(operator, "proxyapp_ratelimitevent_changelist", model="unheard-of")

    assert [f"model={model}" in html for model in ("new", "old", "unheard-of", "older")] == [
        True,
        True,
        True,
        False,
    ]
    assert "every model" in text(html)


def test_no_filter_of_events_reads_all_of_them(
    operator: Client, django_assert_max_num_queries: Any
):
    cool(add_key(add_group(), "one", project="p"), NOW, project="p")

    with django_assert_max_num_queries(25) as queries:
        page(operator, "proxyapp_ratelimitevent_changelist")

    statements = [query["sql"] for query in queries.captured_queries]
    assert [
        sql for sql in statements if "DISTINCT" in sql and "proxyapp_ratelimitevent" in sql
    ] == []


@pytest.mark.parametrize(
    ("cooldown", "count"), [("active", 1), ("over", 2), ("released", 3), ("", 6), ("nonsense", 6)]
)
def test_events_are_filtered_by_what_became_of_the_cooldown(
    operator: Client, cooldown: str, count: int
):
    key = add_key(add_group(), "one")
    cool(key, NOW + timedelta(hours=1))
    for hours in (1, 2):
        cool(key, NOW - timedelta(hours=hours))
    for hours in (3, 4, 5):
        RateLimitEvent.objects.filter(pk=cool(key, NOW + timedelta(hours=hours)).pk).update(
            released_at=NOW
        )

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


def test_a_cooldown_is_released_on_its_page(operator: Client):
    key = add_key(add_group(), "one")
    event, other = cool(key, NOW + timedelta(hours=1)), cool(key, NOW + timedelta(hours=2))
    version = pool_version()

    with time_machine.travel(NOW, tick=False):
        before = page(operator, "proxyapp_ratelimitevent_change", event.pk)
        html = submit(operator, "proxyapp_ratelimitevent_release", event.pk, data={})

    assert "Ends this cooldown alone." in before
    assert said(html) == [("success", "Released 1 of 1 selected cooldowns.")]
    assert "Ends this cooldown alone." not in html
    assert value(html, "Released by hand") == "2026-11-24 03:48:00 UTC"
    assert list(RateLimitEvent.objects.active(NOW)) == [other]
    assert pool_version() > version
    assert AuditEntry.objects.get().action == "release"


def test_only_who_may_release_sees_the_button_and_only_a_button_releases(operator: Client):
    event = cool(add_key(add_group(), "one"), NOW + timedelta(hours=1))
    user = User.objects.create(username="reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_ratelimitevent"))
    reader = Client()
    reader.force_login(user)
    url = reverse("admin:proxyapp_ratelimitevent_release", args=[event.pk])

    with time_machine.travel(NOW, tick=False):
        html = page(reader, "proxyapp_ratelimitevent_change", event.pk)
        answers = [reader.post(url).status_code, operator.get(url).status_code]

    assert "Ends this cooldown alone." not in html
    assert answers == [403, 403]
    assert RateLimitEvent.objects.active(NOW).exists()


def test_an_answer_in_json_is_shown_on_many_lines_and_any_other_as_it_is(operator: Client):
    key = add_key(add_group(), "one")
    json = cool(key, NOW, excerpt='{"error":{"code":429,"message":"<b>Kürzer</b>"}}')
    cut = cool(key, NOW, excerpt='{"error":{"code":429')

    shown = [page(operator, "proxyapp_ratelimitevent_change", event.pk) for event in (json, cut)]

    assert (
        "\n    &quot;code&quot;: 429,\n    &quot;message&quot;:"
        " &quot;&lt;b&gt;Kürzer&lt;/b&gt;&quot;\n" in shown[0]
    )
    assert value(shown[1], "Answer") == '{"error":{"code":429'


def test_a_chart_counts_the_events_of_the_last_24_hours(operator: Client):
    key = add_key(add_group(), "one")
    for ago in (
        timedelta(0),
        timedelta(minutes=40),
        timedelta(minutes=50),
        timedelta(hours=23),
        timedelta(hours=24),
    ):
        event = cool(key, NOW + timedelta(hours=1))
        RateLimitEvent.objects.filter(pk=event.pk).update(occurred_at=NOW - ago)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_ratelimitevent_changelist")

    bars = {
        hour: int(count)
        for hour, count in re.findall(r"<title>2026-11-2([\d :-]+) UTC: (\d+)</title>", html)
    }
    assert len(bars) == 24
    assert {hour: count for hour, count in bars.items() if count} == {
        "4 03:00": 2,
        "4 02:00": 1,
        "3 04:00": 1,
    }
    assert "4 events in the last 24 hours at most 2 an hour" in text(html)


@pytest.mark.parametrize("model", ["ratelimitevent", "hourlyusage", "dailyusage", "rotationcursor"])
def test_what_the_gateway_writes_is_neither_added_nor_changed_nor_deleted(
    operator: Client, model: str
):
    key = add_key(add_group(), "one")
    cool(key, NOW)
    use(key)
    RotationCursor.objects.create(ring="group:1", next_key=key)
    DailyUsage.objects.create(key=key, day=NOW.date())
    row = apps.get_model("proxyapp", model)
    pk = row._default_manager.get().pk

    answers = [
        operator.post(
            reverse(f"admin:proxyapp_{model}_{name}", args=arguments), {"post": "yes"}
        ).status_code
        for name, arguments in (("add", []), ("change", [pk]), ("delete", [pk]))
    ]

    assert answers == [403, 403, 403]
    assert row._default_manager.filter(pk=pk).exists()
    assert "Save" not in page(operator, f"proxyapp_{model}_change", pk)


def test_events_are_filtered_by_day(operator: Client):
    key = add_key(add_group(), "one")
    cool(key, NOW + timedelta(days=1))
    cool(key, NOW)

    with time_machine.travel(NOW, tick=False):
        events = page(operator, "proxyapp_ratelimitevent_changelist", day="2026-11-24")

    assert rows(events) == 1


def test_the_list_takes_the_same_number_of_queries_for_any_number_of_events(
    operator: Client, django_assert_max_num_queries: Any
):
    group = add_group()

    def add(numbers: range) -> None:
        for number in numbers:
            cool(add_key(group, str(number)), NOW)

    add(range(2))
    with django_assert_max_num_queries(25) as for_few:
        page(operator, "proxyapp_ratelimitevent_changelist")
    add(range(2, 40))

    with django_assert_max_num_queries(len(for_few.captured_queries)):
        html = page(operator, "proxyapp_ratelimitevent_changelist")

    assert "40 " in html


def test_of_a_dead_key_the_list_and_its_page_say_when_it_is_asked_again(operator: Client):
    key = add_key(add_group(), "one")
    condemn(key)
    KeyProbe.objects.create(key=key, due_at=NOW + timedelta(minutes=10))

    listed = page(operator, "proxyapp_ratelimitevent_changelist")
    shown = page(operator, "proxyapp_apikey_change", key.pk)

    assert cells(listed, "until") == ["asked again 2026-11-24 03:58:00 UTC"]
    assert "asked again 2026-11-24 03:58:00 UTC" in text(shown)
