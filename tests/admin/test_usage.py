"""The admin's pages of usage."""

import functools
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from proxyapp.admin.parts import looking_back
from proxyapp.admin.records import capped_pages, usage
from proxyapp.models import ApiKey, DailyUsage
from proxyapp.operators.dashboard import tokens_by_model
from tests.support.admin_pages import cells, page, superuser, text
from tests.support.pool_data import NOW, add_group, add_key, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def use_day(key: ApiKey, day: date, model: str = "gemini-2.5-flash", **counts: int) -> DailyUsage:
    return DailyUsage.objects.create(key=key, day=day, model=model, **counts)


def totals(html: str) -> str:
    return text(html.split('<dl class="totals"')[1].split("</dl>")[0]).partition(">")[2].strip()


def test_usage_is_listed_by_hour_and_filtered_by_key(operator: Client):
    group = add_group()
    one, two = add_key(group, "aaaa"), add_key(group, "bbbb")
    use(one, requests=123456, prompt_tokens=77, cached_tokens=66, thought_tokens=55)
    use(two, requests=654321)

    html = page(operator, "proxyapp_hourlyusage_changelist", key=one.pk)

    assert cells(html, "starting") == ["2026-11-24 03:00:00 UTC"]
    assert cells(html, "requests") == ["123,456"]
    assert cells(html, "prompt_tokens") == ["77"]
    assert cells(html, "cached_tokens") == ["66"]
    assert cells(html, "thought_tokens") == ["55"]
    assert cells(html, "tool_use_tokens") == ["0"]


def test_usage_is_listed_by_day(operator: Client):
    key = add_key(add_group("main"), "one")
    use_day(key, NOW.date(), requests=1)
    use_day(key, NOW.date() - timedelta(days=1), requests=2222)

    html = page(operator, "proxyapp_dailyusage_changelist")

    assert cells(html, "on_day") == ["2026-11-24", "2026-11-23"]
    assert cells(html, "requests") == ["1", "2,222"]
    assert cells(html, "group") == ["main", "main"]


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ({"day": "2026-11-24"}, ["2", "1"]),
        ({"day": "2026-11-23"}, ["4"]),
        ({"day": "nonsense"}, []),
        ({"model": "gemini-2.5-pro"}, ["2"]),
        ({"group": "other"}, ["2"]),
        ({"group": "0"}, []),
        ({"q": "aaaa"}, ["1", "4"]),
        ({}, ["2", "1", "4"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("few_keys", [500, 0])
@pytest.mark.parametrize("kind", ["hourlyusage", "dailyusage"])
def test_usage_is_filtered_by_day_model_and_group_and_the_totals_follow(
    operator: Client,
    monkeypatch: pytest.MonkeyPatch,
    few_keys: int,
    kind: str,
    query: dict[str, Any],
    requests: list[str],
):
    monkeypatch.setattr(capped_pages, "FEW_KEYS", few_keys)
    one, two = add_key(add_group("main"), "aaaa"), add_key(add_group("other"), "bbbb")
    rows = (
        (one, 0, "gemini-2.5-flash", 1),
        (two, 0, "gemini-2.5-pro", 2),
        (one, 1, "gemini-2.5-flash", 4),
    )
    for key, days_ago, model, count in rows:
        when = NOW - timedelta(days=days_ago)
        use(key, when, model, requests=count)
        use_day(key, when.date(), model, requests=count)
    if query.get("group") == "other":
        query = {"group": two.group_id}

    with time_machine.travel(NOW, tick=False):
        html = page(operator, f"proxyapp_{kind}_changelist", **query)

    assert cells(html, "requests") == requests
    assert totals(html).startswith(f"Requests {sum(map(int, requests))} Succeeded 0")


def test_too_many_rows_are_not_added_up_and_the_page_says_so(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capped_pages.LongPaginator, "most", 1)
    key = add_key(add_group(), "one")
    use(key)
    one = page(operator, "proxyapp_hourlyusage_changelist")
    use(key, NOW - timedelta(hours=1))

    two = page(operator, "proxyapp_hourlyusage_changelist")

    assert 'class="totals"' in one
    assert 'class="totals"' not in two
    assert "choose a day, a key, a group or a model" in two


def test_usage_of_many_keys_is_looked_for_among_the_newest_rows_and_the_page_says_so(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capped_pages, "FEW_KEYS", 0)
    monkeypatch.setattr(looking_back, "MOST_ROWS", 2)
    one, two = add_key(add_group("main"), "aaaa"), add_key(add_group("other"), "bbbb")
    for hours in range(5):
        use(one, NOW - timedelta(hours=hours), requests=10 + hours)
    use(two, NOW - timedelta(hours=4), requests=70)
    list_of = functools.partial(page, operator, "proxyapp_hourlyusage_changelist")

    html = list_of(group=one.group_id)

    assert cells(html, "requests") == ["10", "11", "12"]
    assert "among the newest 2 rows, without totals" in html
    assert 'class="totals"' not in html
    assert "among the newest" not in list_of(group=one.group_id, day=NOW.date() - timedelta(days=1))
    assert cells(list_of(group=two.group_id), "requests") == []
    ApiKey.objects.filter(pk=two.pk).update(last_used_at=NOW - timedelta(hours=5))
    assert cells(list_of(group=two.group_id), "requests") == ["70"]


def test_of_many_rows_the_newest_are_sorted(operator: Client, monkeypatch: pytest.MonkeyPatch):
    key = add_key(add_group(), "one")
    for hours, requests in enumerate((3, 9, 5, 70)):
        use(key, NOW - timedelta(hours=hours), requests=requests)
    whole = page(operator, "proxyapp_hourlyusage_changelist", o="-4")
    monkeypatch.setattr(looking_back, "MOST_SORTED", 2)

    html = page(operator, "proxyapp_hourlyusage_changelist", o="-4")

    assert cells(whole, "requests") == ["70", "9", "5", "3"]
    assert cells(html, "requests") == ["9", "5", "3"]
    assert "the first 3" in text(html)
    assert 'class="totals"' in whole
    assert 'class="totals"' not in html


def test_filters_offer_the_models_of_recent_rows_and_the_chosen_one(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(usage, "RECENT_ROWS", 2)
    key = add_key(add_group(), "one")
    for hours, model in enumerate(("new", "old", "older")):
        use(key, NOW - timedelta(hours=hours), model)

    html = page(operator, "proxyapp_hourlyusage_changelist", model="unheard-of")

    assert [f"model={model}" in html for model in ("new", "old", "unheard-of", "older")] == [
        True,
        True,
        True,
        False,
    ]


def test_no_page_of_usage_looks_for_all_models_of_all_rows(
    operator: Client, django_assert_max_num_queries: Any
):
    use(add_key(add_group(), "one"))

    with django_assert_max_num_queries(25) as queries:
        page(operator, "proxyapp_hourlyusage_changelist")

    statements = [query["sql"] for query in queries.captured_queries]
    assert [sql for sql in statements if "DISTINCT" in sql and "usage" in sql] == []


@pytest.mark.parametrize(
    "query", [{"key": "nonsense"}, {"key": "99999999999999999999"}, {"key": "²"}]
)
def test_a_link_to_no_key_is_no_error(operator: Client, query: dict[str, str]):
    use(add_key(add_group(), "one"))

    response = operator.get(reverse("admin:proxyapp_hourlyusage_changelist"), query, follow=True)

    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["hourlyusage", "dailyusage"])
def test_a_list_takes_the_same_number_of_queries_for_any_number_of_rows(
    operator: Client, django_assert_max_num_queries: Any, kind: str
):
    group = add_group()

    def add(numbers: range) -> None:
        for number in numbers:
            key = add_key(group, str(number))
            use(key)
            use_day(key, NOW.date())

    add(range(2))
    with django_assert_max_num_queries(25) as for_few:
        page(operator, f"proxyapp_{kind}_changelist")
    add(range(2, 40))

    with django_assert_max_num_queries(len(for_few.captured_queries)):
        html = page(operator, f"proxyapp_{kind}_changelist")

    assert len(cells(html, "requests")) == 40


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000])
@pytest.mark.parametrize("name", ["group", "key"])
def test_a_number_that_is_too_large_is_none(operator: Client, name: str, number: str):
    assert (
        operator.get(reverse("admin:proxyapp_hourlyusage_changelist"), {name: number}).status_code
        == 200
    )


# Keys that are gone.


@pytest.mark.parametrize("what", ["key", "keys", "group"])
def test_usage_of_a_removed_key_stays_under_its_name(operator: Client, what: str):
    group = add_group("main")
    key = add_key(group, "gone", name="laptop")
    use(key, requests=7)
    use(add_key(add_group("other"), "here"), requests=5)
    use_day(key, NOW.date(), requests=9)

    remove(operator, what, key)

    assert not ApiKey.objects.filter(pk=key.pk).exists()
    for kind, requests in (("hourlyusage", "7"), ("dailyusage", "9")):
        for query in ({"key": key.pk}, {"q": "laptop"}, {"q": "AIza…gone"}):
            html = page(operator, f"proxyapp_{kind}_changelist", **query)
            assert cells(html, "of_key") == ["laptop (AIza…gone), removed"]
            assert cells(html, "group") == ["main"]
            assert cells(html, "requests") == [requests]
    both = page(operator, "proxyapp_hourlyusage_changelist", o="3")
    assert sorted(cells(both, "requests")) == ["5", "7"]
    assert "Requests 12" in " ".join(totals(both).split())


def remove(operator: Client, what: str, key: ApiKey) -> None:
    if what == "key":
        url = reverse("admin:proxyapp_apikey_delete", args=[key.pk])
        operator.post(url, {"post": "yes"})
    elif what == "keys":
        fields = {"action": "delete_selected", "_selected_action": key.pk, "post": "yes"}
        operator.post(reverse("admin:proxyapp_apikey_changelist"), fields)
    else:
        url = reverse("admin:proxyapp_group_delete", args=[key.group_id])
        operator.post(url, {"post": "yes", "typed": key.group.name})


def test_usage_of_a_key_whose_name_nobody_kept_is_shown_by_its_id(operator: Client):
    key = add_key(add_group(), "gone")
    use(key, requests=7)
    ApiKey.objects.all().delete()

    html = page(operator, "proxyapp_hourlyusage_changelist")

    assert cells(html, "of_key") == [f"key {key.pk}, removed"]


def test_a_removed_key_counts_in_the_sums_of_the_dashboard():
    key = add_key(add_group(), "gone")
    use(key, prompt_tokens=7, output_tokens=5)
    ApiKey.objects.all().delete()
    assert [row["prompt"] for row in tokens_by_model(NOW)] == [7]
