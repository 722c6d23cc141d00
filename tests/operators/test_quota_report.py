"""What is used of the providers' limits, where these come from, and when they end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from proxyapp.models import ApiKey, LearnedLimit, Project, QuotaHolder, QuotaShare
from proxyapp.operators.quota_report import QuotaChoice, QuotaRow, UsedLimit, quota_report
from proxyapp.quota.meters import WINDOW_SECONDS
from tests.support.pool_data import add_group, add_key, cool, use

pytestmark = pytest.mark.django_db
FLASH, PRO = "gemini-2.5-flash", "gemini-2.5-pro"
# 2:30 in the afternoon of the Pacific, hours after its midnight (8:00 UTC).
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def limits(**meters: int) -> dict[str, dict[str, int]]:
    return {FLASH: meters}


def only(**choice: Any) -> QuotaRow:
    (row,) = quota_report(QuotaChoice(**choice))
    return row


def told(used: int, told_at: datetime, owner: str = "project:alpha", **fields: Any) -> None:
    """By a process."""
    holder = QuotaHolder.objects.create(
        name=f"p {QuotaHolder.objects.count()}", seen_at=fields.pop("seen_at", NOW)
    )
    meter = fields.pop("meter", "requests_per_minute")
    QuotaShare.objects.create(
        holder=holder, owner=owner, model=FLASH, meter=meter, used=used, told_at=told_at
    )


def test_a_projects_day_is_what_its_keys_used_since_midnight_pacific_without_refusals() -> None:
    group = add_group(limits=limits(requests_per_day=100, tokens_per_day=1000))
    one, two = add_key(group, "aaaa", project="alpha"), add_key(group, "bbbb", project="alpha")
    use(one, NOW, FLASH, requests=30, succeeded=20, cancelled=1, rate_limited=9, prompt_tokens=300)
    use(two, NOW.replace(hour=9), FLASH, requests=4, succeeded=4, output_tokens=50)
    use(two, NOW.replace(hour=7), FLASH, requests=70, succeeded=70)

    row = only()

    assert (row.name, row.model, row.groups) == ("project alpha", FLASH, ["main"])
    assert [(meter.used, meter.limit.number) for meter in row.meters] == [(25, 100), (350, 1000)]
    assert {meter.limit.source for meter in row.meters} == {"group main"}


def test_a_minute_is_what_processes_told_that_are_there() -> None:
    add_key(add_group(limits=limits(requests_per_minute=10)), "aaaa", project="alpha")
    told(3, NOW - timedelta(seconds=5))
    told(4, NOW - timedelta(seconds=50))
    told(5, NOW - timedelta(seconds=62))
    told(6, NOW - timedelta(seconds=5), seen_at=NOW - timedelta(minutes=3))

    (meter,) = only().meters

    assert (meter.used, meter.back_at) == (7, None)
    told(3, NOW - timedelta(seconds=11))
    (meter,) = only().meters
    assert (meter.used, meter.back_at) == (10, NOW + timedelta(seconds=WINDOW_SECONDS - 5))


def test_the_strictest_limit_counts_and_the_others_stand_behind_it() -> None:
    group = add_group(limits=limits(requests_per_minute=10), tier="free")
    add_key(group, "aaaa", project="alpha")
    Project.objects.create(name="alpha", limits={"gemini-*": {"requests_per_minute": 7}})

    meter = only().meters[0]

    assert (meter.limit.number, meter.limit.source) == (7, "project alpha")
    assert sorted(limit.source for limit in meter.beaten) == ["group main", "tier free"]


def test_what_was_learned_is_shown_with_its_date_also_where_nothing_was_used_today() -> None:
    add_key(add_group(rate_limit_policy="quota_aware"), "aaaa", project="alpha")
    LearnedLimit.objects.create(
        owner="project:alpha",
        model=PRO,
        meter="requests_per_day",
        number=100,
        quota_id="PerDay",
        learned_at=NOW - timedelta(days=2),
    )
    (meter,) = only().meters
    assert meter.limit.words == "100 requests a day (learned 2026-11-22)"


def at_pace(used: int, number: int) -> UsedLimit:
    group = add_group(limits=limits(requests_per_day=number))
    use(add_key(group, "aaaa"), NOW, FLASH, succeeded=used)
    (meter,) = only().meters
    return meter


def test_a_day_that_will_be_used_up_says_when_at_the_pace_of_the_last_hours() -> None:
    """90 minutes since 21:00 took 30: the other 60 last 180 minutes."""
    assert at_pace(30, 90).used_up_at == NOW + timedelta(minutes=180)


def test_a_day_that_lasts_says_nothing() -> None:
    assert at_pace(30, 900).used_up_at is None


def test_a_day_that_is_used_up_is_back_at_midnight_pacific() -> None:
    meter = at_pace(120, 90)
    assert (meter.used_up_at, meter.back_at) == (None, MIDNIGHT)
    assert meter.part > 1


def test_a_key_without_a_project_and_one_with_limits_of_its_own_are_rows_of_their_own() -> None:
    group = add_group(limits=limits(requests_per_day=100))
    alone = add_key(group, "aaaa", name="alone")
    special = add_key(group, "bbbb", project="alpha", limits=limits(requests_per_day=5))
    use(alone, NOW, FLASH, succeeded=1)
    use(special, NOW, FLASH, succeeded=4)

    rows = quota_report(QuotaChoice())

    assert [(row.owner, row.meters[0].used, row.meters[0].limit.number) for row in rows] == [
        (f"key:{special.pk}", 4, 5),
        ("project:alpha", 4, 100),
        (f"key:{alone.pk}", 1, 100),
    ]


def test_what_is_under_way_is_of_all_models_together() -> None:
    group = add_group(max_concurrent=3)
    add_key(group, "aaaa", project="alpha", max_concurrent=2)
    rows = quota_report(QuotaChoice())
    assert [(row.name, row.model, row.meters[0].limit.number) for row in rows] == [
        ("group main", "", 3),
        (f"key {ApiKey.objects.get().masked}", "", 2),
    ]


def test_what_was_used_without_a_limit_is_shown_and_what_was_neither_is_not() -> None:
    group = add_group()
    use(add_key(group, "aaaa", project="alpha"), NOW, PRO, succeeded=2, prompt_tokens=9)
    add_key(group, "bbbb", project="beta")
    row = only()
    assert (row.project, row.meters, row.today[:2]) == ("alpha", [], (2, 9))


def test_rows_are_chosen_by_project_group_and_model_and_the_fullest_comes_first() -> None:
    for name, used in (("alpha", 10), ("beta", 90)):
        group = add_group(name, limits={"gemini-*": {"requests_per_day": 100}})
        key = add_key(group, name, project=name)
        use(key, NOW, FLASH, succeeded=used)
    assert [row.project for row in quota_report(QuotaChoice())] == ["beta", "alpha"]
    assert only(project="alpha").project == "alpha"
    assert only(group="BETA").project == "beta"
    assert only(is_nearly_used_up=True).project == "beta"
    assert {row.model for row in quota_report(QuotaChoice(model=PRO))} == {PRO}


def test_a_project_whose_keys_all_cool_says_until_when() -> None:
    group = add_group(limits=limits(requests_per_day=100))
    one, two = add_key(group, "aaaa", project="alpha"), add_key(group, "bbbb", project="alpha")
    cool(one, NOW + timedelta(hours=2), model=FLASH)
    assert only().cooling_until is None
    cool(two, NOW + timedelta(hours=1), model=FLASH)
    assert only().cooling_until == NOW + timedelta(hours=1)


def queries(keys: int) -> int:
    group = add_group(f"of-{keys}", limits=limits(requests_per_day=100))
    for number in range(keys):
        use(add_key(group, f"{keys}-{number}"), NOW, FLASH, succeeded=1)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        quota_report(QuotaChoice())
    return len(captured)


def test_many_keys_cost_no_more_queries_and_no_secret_is_read() -> None:
    assert queries(2) == queries(20)
    with CaptureQueriesContext(connection) as captured:
        quota_report(QuotaChoice())
    assert not any('"secret"' in query["sql"] for query in captured)
