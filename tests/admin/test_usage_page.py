"""The page of usage, and that of prices."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from proxyapp.models import ApiKey, DailyUsage, HourlyUsage, MinuteUsage, Project, TokenUsage
from proxyapp.operators.dashboard import snapshot
from tests.support.admin_pages import page, superuser, text
from tests.support.client_tokens import add_token
from tests.support.pool_data import NOW, add_group, add_key
from tests.support.staff import staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def used() -> None:
    key = add_key(add_group("main"), "one", project="alpha")
    for day, model, cost in ((24, "pro", 2_500_000), (3, "<b>9</b>", 0)):
        HourlyUsage.objects.create(
            key=key,
            model=model,
            hour=datetime(2026, 11, day, 2, tzinfo=UTC),
            requests=3,
            cost_micros=cost,
            unpriced_tokens=0 if cost else 9,
        )


def test_this_month_is_there_from_the_first_day_on(used: None):
    html = page(superuser(), "usage")

    assert "2026-11-01 to 2026-11-24, days of UTC." in html
    assert '<th scope="row">pro</th><td>3</td>' in html
    assert "<td>2.50</td>" in html
    assert "<td>9 tokens without a price</td>" in html
    assert "&lt;b&gt;9&lt;/b&gt;" in html
    assert html.index("2026-11-24</th>") < html.index("2026-11-03</th>")
    assert html.count("<g><title>") == 24


def test_other_days_and_other_rows_are_chosen(used: None):
    one = page(superuser(), "usage", by="project", range="days", since="2026-11-24")

    assert '<th scope="row">alpha</th><td>3</td>' in one
    assert "9 tokens" not in one


@pytest.mark.parametrize(
    "query",
    [
        {"range": "days", "since": "2026-12-01"},
        {"range": "days", "since": "x"},
        {"by": "x"},
        {"range": "days", "since": "1000-01-01", "until": "2026-11-01"},
        {"range": "days", "since": "0001-01-01", "until": "0001-01-02"},
        {"range": "days", "since": "9999-12-01", "until": "9999-12-31"},
    ],
)
def test_what_cannot_be_is_said_and_breaks_nothing(query: dict[str, str]):
    assert page(superuser(), "usage", **query)


def test_the_csv_has_the_same(used: None):
    response = superuser().get(reverse("admin:usage_csv"), {"by": "project", "range": "today"})

    assert response["Content-Disposition"] == (
        'attachment; filename="usage-by-project-2026-11-24-2026-11-24.csv"'
    )
    assert response.content.decode().splitlines()[1] == "alpha,3,0,0,0,2.50,0"


def test_who_may_not_see_usage_sees_none():
    reader: Client = staff("view_ratelimitevent")
    others: Client = staff("view_hourlyusage", name="other")

    for name in ("usage", "usage_csv", "prices"):
        assert reader.get(reverse(f"admin:{name}")).status_code == 403
    assert others.get(reverse("admin:usage"), {"by": "client"}).status_code == 403


def test_a_day_that_cannot_be_changes_nothing_else(used: None):
    """Neither whose rows are shown nor who may see them."""
    asked = {"by": "project", "range": "today", "since": "x"}
    html = page(superuser(), "usage", **asked)
    reader: Client = staff("view_tokenusage")

    assert '<th scope="row">alpha</th><td>3</td>' in html
    assert "2026-11-24, days of UTC." in html
    answer = reader.get(reverse("admin:usage_csv"), {**asked, "by": "client"})
    assert answer.content.decode().startswith("client,")


def test_prices_are_shown_with_their_source():
    html = page(superuser(), "prices")

    assert "https://ai.google.dev/gemini-api/docs/pricing" in html
    assert "gemini-2.5-flash</th><td>—</td><td>0.30</td><td>0.03</td><td>2.50</td>" in html
    assert "from 2027-01-01 on" in html
    assert "prompts above 200,000 tokens" in html


def test_the_dashboard_says_what_today_costs():
    assert "cost_today" not in snapshot(NOW)["cards"]
    MinuteUsage.objects.create(minute=NOW.replace(second=0), cost_micros=1_234_567)

    assert snapshot(NOW)["cards"]["cost_today"] == {"text": "1.23 USD", "unpriced": 0}


def test_the_pages_of_a_key_and_a_project_say_what_it_cost(used: None):
    """Of the day and of the month in UTC; of hours that have grown old, too."""
    key = ApiKey.objects.get()
    DailyUsage.objects.create(key=key, model="pro", day=date(2026, 11, 1), cost_micros=1_000_000)
    DailyUsage.objects.create(key=key, model="pro", day=date(2026, 10, 31), cost_micros=90_000_000)
    project = Project.objects.create(name="alpha")
    pages = {"proxyapp_apikey_change": key.pk, "proxyapp_project_change": project.pk}
    operator = superuser()

    for name, pk in pages.items():
        shown = text(page(operator, name, pk))
        assert "Cost today (USD) 2.50 " in shown
        assert "Cost this month (USD) 3.50 + 9 tokens without a price" in shown
    may_look = staff("view_apikey", "view_project")
    assert not any("Cost today" in page(may_look, name, pk) for name, pk in pages.items())


def test_the_page_of_a_client_token_says_what_it_cost_also_without_a_budget():
    token = add_token("laptop")
    for day, cost in ((24, 1_000_000), (1, 500_000)):
        TokenUsage.objects.create(token=token, day=date(2026, 11, day), cost_micros=cost)

    shown = text(page(superuser(), "proxyapp_clienttoken_change", token.pk))

    assert "1.00 USD today" in shown
    assert "1.50 USD this month" in shown
