"""What was used in a range of days, and what it cost."""

from datetime import UTC, date, datetime, timedelta

import pytest

from proxyapp.models import ClientToken, DailyUsage, HourlyUsage, RemovedKey, TokenUsage
from proxyapp.operators.usage_ranges import DayRange, chosen_range, named_range
from proxyapp.operators.usage_report import BY, UsageCounts, usage_report
from proxyapp.operators.usage_texts import cost_text, usage_csv, usage_json
from tests.support.pool_data import NOW, add_group, add_key

TODAY = NOW.date()
OLD = date(2026, 8, 1)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", "2026-11-24", "2026-11-24"),
        ("yesterday", "2026-11-23", "2026-11-23"),
        ("7d", "2026-11-18", "2026-11-24"),
        ("month", "2026-11-01", "2026-11-24"),
        ("last-month", "2026-10-01", "2026-10-31"),
        ("nonsense", "2026-11-01", "2026-11-24"),
    ],
)
def test_a_range_has_a_name(name: str, first: str, last: str):
    assert str(named_range(name, NOW)) in (f"{first} to {last}", first)


def test_the_day_is_utcs():
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC).astimezone()
    assert named_range("today", late).first == date(2026, 11, 30)


def test_a_range_is_chosen_by_its_days():
    assert chosen_range(None, None, NOW) == DayRange(date(2026, 11, 1), TODAY)
    assert chosen_range(date(2026, 10, 5), None, NOW) == DayRange(date(2026, 10, 5), TODAY)
    with pytest.raises(ValueError, match="is after"):
        chosen_range(date(2026, 12, 1), None, NOW)
    with pytest.raises(ValueError, match="more than"):
        chosen_range(date(2020, 1, 1), None, NOW)


@pytest.fixture
def used(db: None) -> None:
    """A key of a project, one without, one that is gone; hours of today, and a day that is old."""
    one = add_key(add_group("paid"), "one", name="first", project="alpha")
    two = add_key(add_group("gratis"), "two", name="second")
    RemovedKey.objects.create(key_id=two.pk + 1, label="gone AIza…", group="paid")
    for key_id, model, hour, cost in (
        (one.pk, "pro", 0, 10),
        (one.pk, "pro", 3, 5),
        (two.pk, "flash", 3, 0),
        (two.pk + 1, "", 3, 1),
    ):
        HourlyUsage.objects.create(
            key_id=key_id,
            model=model,
            hour=datetime.combine(TODAY, datetime.min.time(), UTC) + timedelta(hours=hour),
            requests=2,
            succeeded=1,
            prompt_tokens=100,
            cost_micros=cost,
            unpriced_tokens=7 if model == "flash" else 0,
        )
    DailyUsage.objects.create(key=one, model="pro", day=OLD, requests=4, cost_micros=100)
    token = ClientToken.objects.create(name="=app", token_hash="0" * 64)
    TokenUsage.objects.create(token=token, day=TODAY, model="pro", requests=3, cost_micros=15)


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("model", [("pro", 4, 15), ("no model", 2, 1), ("flash", 2, 0)]),
        ("project", [("alpha", 4, 15), ("removed keys", 2, 1), ("no project", 2, 0)]),
        ("group", [("paid", 6, 16), ("gratis", 2, 0)]),
        ("client", [("=app", 3, 15)]),
    ],
)
def test_it_is_told_by_whom_and_by_what(used: None, by: str, rows: list[tuple[str, int, int]]):
    report = usage_report(by, DayRange(TODAY, TODAY))

    assert [(row.label, row.counts.requests, row.counts.cost_micros) for row in report.rows] == rows
    assert report.total.cost_micros == sum(cost for *_, cost in rows)
    assert [day for day, _ in report.days] == [TODAY]


def test_keys_are_named_also_when_they_are_gone(used: None):
    labels = [row.label for row in usage_report("key", DayRange(TODAY, TODAY)).rows]

    assert labels[0].startswith("first")
    assert labels[1] == "gone AIza…, removed"


def test_keys_that_look_the_same_are_a_row_each(used: None):
    for label in ("same", "same but other"):
        key = add_key(add_group(label), label)
        type(key).objects.filter(pk=key.pk).update(masked="AIza…same")
        DailyUsage.objects.create(key=key, model="pro", day=OLD, requests=1)

    rows = usage_report("key", DayRange(OLD, OLD)).rows

    assert [(row.label, row.counts.requests) for row in rows[1:]] == [("AIza…same", 1)] * 2


@pytest.mark.django_db
def test_a_client_that_is_deleted_meanwhile_has_a_row():
    assert BY["client"][1]({7}) == {7: "deleted clients"}


def test_hours_and_old_days_are_one_report_from_the_first_day_on(used: None):
    report = usage_report("model", DayRange(OLD, TODAY))

    of_day = {day: counts.requests for day, counts in report.days if any(counts)}
    assert of_day == {OLD: 4, TODAY: 8}
    assert len(report.days) == (TODAY - OLD).days + 1
    assert report.total == UsageCounts(12, 4, 400, 0, 116, 7)


def test_every_way_of_counting_attempts_has_one_total(used: None):
    totals = {usage_report(by, DayRange(OLD, TODAY)).total for by in BY if by != "client"}

    assert len(totals) == 1


def test_what_has_no_price_is_never_0(used: None):
    costs = [cost_text(row.counts) for row in usage_report("model", DayRange(TODAY, TODAY)).rows]

    assert costs == ["< 0.0001", "< 0.0001", "7 tokens without a price"]
    assert cost_text(UsageCounts(cost_micros=2_500_000, unpriced_tokens=7)).startswith("2.50 + 7")
    assert cost_text(UsageCounts(requests=1)) == "0.00"


def test_programs_and_spreadsheets_get_it_whole(used: None):
    report = usage_report("client", DayRange(TODAY, TODAY))

    assert usage_json(report)["rows"] == [
        {
            "client": "=app",
            "requests": 3,
            "succeeded": 0,
            "prompt_tokens": 0,
            "output_tokens": 0,
            "cost": "0.000015",
            "unpriced_tokens": 0,
        }
    ]
    assert usage_csv(report).splitlines() == [
        "client,requests,succeeded,prompt_tokens,output_tokens,cost_usd,unpriced_tokens",
        "'=app,3,0,0,0,0.000015,0",
    ]
