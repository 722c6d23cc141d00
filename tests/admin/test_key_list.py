"""The admin's list of keys."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from proxyapp.admin.keys.list import COLUMNS
from proxyapp.models import ApiKey
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.times import iso_utc
from tests.support.admin_pages import cells, page, rows, superuser, text
from tests.support.pool_data import NOW, add_group, add_key, cool, use
from tests.support.staff import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_the_list_of_keys_shows_state_countdown_and_usage(operator: Client):
    key = add_key(add_group(), "one", name="first", project="p-1", last_used_at=NOW)
    cool(key, NOW + timedelta(hours=3, minutes=12))
    use(
        key,
        requests=1234,
        succeeded=1171,
        rate_limited=56,
        upstream_errors=7,
        prompt_tokens=98765,
        output_tokens=4321,
    )

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    for column, shown in {
        "label": "first (AIza…0one)",
        "group": "main",
        "project": "p-1",
        "state": "cooling 3 h 12 min daily policy, until 2026-11-24 07:00 UTC",
        "activity": "1,234 requests in 24 h",
        "requests": "1.23 k 429s: 56 errors: 7",
        "success": "94.8 %",
        "tokens": "98.8 k / 4.32 k",
        "last_error": "daily policy 20 h ago",
        "used": "2026-11-24 03:48 UTC",
    }.items():
        assert cells(html, column) == [shown]
    for full in (
        'title="1,234"',
        'title="98,765"',
        'title="2026-11-24 03:48:00 UTC"',
        "1,171 of 1,234 requests in 24 h",
    ):
        assert full in html


def test_the_list_of_keys_shows_models_that_are_cooling_and_why_a_key_is_invalid(operator: Client):
    group = add_group()
    cool(add_key(group, "one"), NOW + timedelta(seconds=30), model="gemini-2.5-pro")
    add_key(group, "two", status=KeyStatus.INVALID, status_reason="API key <expired>")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    assert cells(html, "state") == [
        "available gemini-2.5-pro out for 30 s (daily policy)",
        "invalid API key <expired>",
    ]


def test_a_key_that_no_secret_opens_says_so_beside_its_name(operator: Client):
    ApiKey.objects.filter(pk=add_key(add_group(), "one").pk).update(secret=None)

    (label,) = cells(page(operator, "proxyapp_apikey_changelist"), "label")

    assert label.endswith("not used: SECRET_KEY does not open it")


def test_of_many_models_that_are_out_the_list_names_three(operator: Client):
    key = add_key(add_group(), "one")
    for number in range(5):
        cool(key, NOW + timedelta(seconds=30), model=f"model-{number}")

    with time_machine.travel(NOW, tick=False):
        (state,) = cells(page(operator, "proxyapp_apikey_changelist"), "state")

    assert "model-2 out for" in state
    assert "model-3" not in state
    assert state.endswith("and 2 more models")


def test_a_row_says_whose_it_is_and_which_figures_a_script_may_update(operator: Client):
    key = add_key(add_group(), "one", last_used_at=NOW)
    cool(key, NOW + timedelta(hours=3))

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    row = html[html.index(f'data-key-id="{key.pk}"') :]
    fields = ["state", "requests", "rate_limited", "errors", "tokens_in", "tokens_out", "used"]
    assert re.findall(r'data-field="(\w+)"', row) == fields
    assert f'data-until="{iso_utc(NOW + timedelta(hours=3))}"' in row
    assert f'<time data-local="short" datetime="{iso_utc(NOW)}"' in row


def test_the_last_day_counts_24_hours_and_older_usage_only_in_the_total(operator: Client):
    key = add_key(add_group(), "one")
    use(key, NOW - timedelta(hours=30), requests=100)
    use(key, NOW - timedelta(hours=23), requests=3, succeeded=3)
    use(key, NOW, "another-model", requests=1)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    assert cells(html, "activity") == ["4 requests in 24 h"]
    assert cells(html, "success") == ["75 %"]
    assert cells(html, "requests")[0].startswith("104 ")


def test_a_key_that_was_never_used_has_no_rate_no_error_and_no_time(operator: Client):
    add_key(add_group(), "one")

    html = page(operator, "proxyapp_apikey_changelist")

    assert [cells(html, column) for column in ("project", "success", "last_error", "used")] == [
        ["—"]
    ] * 4


def test_the_last_error_leads_to_the_newest_event_of_the_key(operator: Client):
    group = add_group()
    key = add_key(group, "one")
    events = [
        cool(key, NOW - timedelta(hours=hours), kind=kind)
        for hours, kind in ((5, "minute"), (1, "day"), (9, "x"))
    ]
    cool(add_key(group, "two"), NOW, kind="billing")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    assert cells(html, "last_error") == ["day limit 1 d ago", "billing 1 d ago"]
    assert f'href="/admin/proxyapp/ratelimitevent/{events[1].pk}/change/"' in html


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("project", ["b", "a", "c"]),
        ("activity", ["a", "c", "b"]),
        ("used", ["c", "a", "b"]),
    ],
)
def test_keys_are_sorted_by_their_columns(operator: Client, column: str, order: list[str]):
    group = add_group()
    a = add_key(group, "a", name="a", project="p-2", last_used_at=NOW - timedelta(days=1))
    b = add_key(group, "b", name="b", project="p-1", last_used_at=NOW - timedelta(days=2))
    c = add_key(group, "c", name="c", project="p-3", last_used_at=NOW)
    for key, requests in ((a, 30), (b, 10), (c, 20)):
        use(key, requests=requests)
    use(c, NOW - timedelta(days=3), requests=90)
    descending = "" if column == "project" else "-"
    number = [getattr(name, "__name__", name) for name in COLUMNS].index(column) + 1

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist", o=f"{descending}{number}")

    assert [label.split()[0] for label in cells(html, "label")] == order


@pytest.mark.parametrize("column", ["requests", "tokens"])
def test_keys_are_sorted_by_all_that_they_did_also_those_that_did_nothing(
    operator: Client, column: str
):
    group = add_group()
    keys = {label: add_key(group, label, name=label) for label in "abcd"}
    for label, days, count in (("a", 50, 7), ("c", 0, 9), ("d", 3, 5), ("d", 1, 3)):
        hour = NOW - timedelta(days=days)
        use(keys[label], hour, requests=count, prompt_tokens=count - 1, output_tokens=1)
    number = [getattr(name, "__name__", name) for name in COLUMNS].index(column) + 1

    html = page(operator, "proxyapp_apikey_changelist", o=f"-{number}")

    assert [label.split()[0] for label in cells(html, "label")] == ["c", "d", "a", "b"]


def test_keys_that_were_never_used_come_first_or_last(operator: Client):
    group = add_group()
    for label, last in (("a", NOW), ("b", None), ("c", NOW - timedelta(days=9))):
        add_key(group, label, name=label, last_used_at=last)
    number = [getattr(name, "__name__", name) for name in COLUMNS].index("used") + 1

    orders = [
        cells(page(operator, "proxyapp_apikey_changelist", o=f"{sign}{number}"), "label")
        for sign in ("", "-")
    ]

    assert [[label.split()[0] for label in labels] for labels in orders] == [
        ["b", "c", "a"],
        ["a", "c", "b"],
    ]


def test_keys_are_sorted_by_their_newest_event(operator: Client):
    group = add_group()
    keys = [add_key(group, label, name=label) for label in "abc"]
    add_key(group, "d", name="d")
    for key, hours in zip(keys, (5, 1, 3), strict=True):
        cool(key, NOW - timedelta(hours=hours))
    number = [getattr(name, "__name__", name) for name in COLUMNS].index("last_error") + 1

    html = page(operator, "proxyapp_apikey_changelist", o=f"-{number}")

    assert [label.split()[0] for label in cells(html, "label")] == ["b", "c", "a", "d"]


def test_a_list_that_is_not_filtered_offers_no_way_to_show_all(operator: Client):
    group = add_group()
    add_key(group, "one")
    add_key(group, "two", project="p")

    assert "Show all" not in page(operator, "proxyapp_apikey_changelist")
    assert "1 result" in text(page(operator, "proxyapp_apikey_changelist", project="p"))


def test_the_list_of_keys_takes_the_same_number_of_queries_for_any_number_of_keys(
    operator: Client, django_assert_max_num_queries: Any
):
    group = add_group()
    add_key(group, "0")
    with django_assert_max_num_queries(12) as for_one:
        page(operator, "proxyapp_apikey_changelist")
    for number in range(1, 60):
        key = add_key(group, str(number))
        cool(key, NOW)
        use(key)

    with django_assert_max_num_queries(len(for_one.captured_queries)) as for_many:
        html = page(operator, "proxyapp_apikey_changelist")

    assert rows(html) == 60
    assert len(for_many.captured_queries) == len(for_one.captured_queries)


def test_each_row_has_its_box_to_tick_and_no_template_for_it(operator: Client):
    group = add_group()
    ids = [add_key(group, str(number), name=f"no. {number}").pk for number in range(30)]
    few = operator.get(reverse("admin:proxyapp_apikey_changelist"), {"q": "29"})

    all_of_them = operator.get(reverse("admin:proxyapp_apikey_changelist"), {"o": "-5"})

    boxes = re.findall(r'name="_selected_action" value="(\d+)"', all_of_them.content.decode())
    assert sorted(map(int, boxes)) == ids
    # The theme draws the box of the heading anew for each row, of three templates.
    assert rows(few.content.decode()) == 1
    assert len(all_of_them.templates) - len(few.templates) <= 3 * 29


def test_the_list_of_keys_has_pages(operator: Client):
    group = add_group()
    for number in range(105):
        add_key(group, str(number))

    html = page(operator, "proxyapp_apikey_changelist", p=2)

    assert rows(html) == 5


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ({"state": "available"}, ["one"]),
        ({"state": "cooling"}, ["two"]),
        ({"state": "disabled"}, ["thre"]),
        ({"status__exact": "active"}, ["one", "two"]),
        ({"project": "p-1"}, ["two"]),
        ({"q": "p-1"}, ["two"]),
        ({"q": "primary"}, ["one"]),
        ({"q": "AIza…thre"}, ["thre"]),
        ({"used": "1d"}, ["one"]),
        ({"used": "7d"}, ["one", "two"]),
        ({"used": "30d"}, ["one", "two"]),
        ({"used": "never"}, ["thre"]),
        ({"used": "nonsense"}, ["one", "two", "thre"]),
    ],
)
def test_keys_are_found_by_state_status_project_last_use_name_and_masked_form(
    operator: Client, query: dict[str, str], labels: list[str]
):
    group = add_group()
    add_key(group, "one", name="primary", last_used_at=NOW - timedelta(hours=23))
    cool(
        add_key(group, "two", project="p-1", last_used_at=NOW - timedelta(days=6)),
        NOW + timedelta(hours=1),
    )
    add_key(group, "thre", status=KeyStatus.DISABLED)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist", **query)

    rows = html[html.index('id="result_list"') :]
    assert [
        label for label in ("one", "two", "thre") if f"…{label.rjust(4, '0')}" in rows
    ] == labels


def test_keys_are_filtered_by_group(operator: Client):
    one, two = add_group("one"), add_group("two")
    add_key(one, "aaaa")
    add_key(two, "bbbb")

    html = page(operator, "proxyapp_apikey_changelist", group__id__exact=two.pk)

    assert "…bbbb" in html
    assert "…aaaa" not in html


def test_a_great_many_projects_are_not_offered_but_a_chosen_one_still_filters(operator: Client):
    group = add_group()
    for number in range(60):
        add_key(group, f"{number:04}", project=f"p-{number:04}")

    html = page(operator, "proxyapp_apikey_changelist", project="p-0007")

    assert rows(html) == 1
    assert "?project=p-0008" not in html


def test_who_may_only_look_sees_the_list_without_actions_and_without_ways_to_add():
    add_key(add_group(), "one", name="first")

    html = page(staff("view_apikey"), "proxyapp_apikey_changelist")

    assert cells(html, "label") == ["first (AIza…0one)"]
    assert rows(html) == 0
    assert 'name="action"' not in html
    assert "bulk-add" not in html
