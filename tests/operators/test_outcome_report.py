"""What clients saw, by model, client or group: the report, and where the dashboard asks for it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from proxyapp.ledger.outcomes import SeenPlace
from proxyapp.ledger.usage import UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.operators.charts import Traffic, charts
from proxyapp.operators.outcome_report import MOST_ROWS, OTHER, Split, outcome_report, since_of
from proxyapp.requests.record import ClientOutcome
from tests.support.client_tokens import add_token
from tests.support.pool_data import NOW
from tests.support.request_records import FLASH, ended
from tests.support.staff import staff

pytestmark = pytest.mark.django_db
PRO = "gemini-2.5-pro"


def saw(outcome: ClientOutcome, *, model: str = FLASH, times: int = 1, **facts) -> None:
    tally = UsageTally()
    for _ in range(times):
        record = ended(outcome, model=model, **facts)
        tally.count_outcome(record, model, record.arrived_at)
    write_usage(tally)


def by(split: Split, hours: int = 24) -> dict[str, int]:
    since = NOW - timedelta(hours=hours)
    return {row.name: row.total for row in outcome_report(split, since)}


def test_the_largest_comes_first_in_each_split():
    token = add_token("laptop")
    saw(ClientOutcome.OK, times=3, client_id=token.pk, group="paid")
    saw(ClientOutcome.NO_KEY, times=2, model=PRO, group="")
    saw(ClientOutcome.OK, client_id=999)

    assert by(Split.MODEL) == {FLASH: 4, PRO: 2}
    assert by(Split.CLIENT) == {"laptop": 3, "no token": 2, "999": 1}
    assert by(Split.GROUP) == {"paid": 3, "no group": 2, "main": 1}


def test_what_is_older_than_the_period_is_left_out():
    saw(ClientOutcome.OK, at=(NOW - timedelta(hours=30)).timestamp())

    assert by(Split.MODEL) == {}
    assert by(Split.MODEL, hours=48) == {FLASH: 1}


def test_a_model_has_the_times_of_its_good_answers():
    saw(ClientOutcome.OK, times=10, first_byte_seconds=0.15, seconds=0.9)
    saw(ClientOutcome.UPSTREAM, model=PRO, first_byte_seconds=0.15, seconds=0.9)

    flash, pro = outcome_report(Split.MODEL, NOW - timedelta(hours=1))

    assert flash.first is not None
    assert flash.whole is not None
    assert 100 < (flash.first.p50 or 0) < (flash.first.p95 or 0) <= 200
    assert 750 < (flash.whole.p50 or 0) <= 1000
    assert (pro.first, pro.whole) == (None, None)


def test_of_very_many_the_small_ones_are_added_up():
    tally = UsageTally()
    for number in range(MOST_ROWS + 20):
        place = SeenPlace(int(NOW.timestamp()) // 3600, f"m{number}", "", 0)
        tally.outcomes.counts[place] = [1 + (number == 0), 0, 0, 0, 0, 0]
    write_usage(tally)

    rows = outcome_report(Split.MODEL, NOW - timedelta(hours=1))

    assert len(rows) == MOST_ROWS + 1
    assert (rows[0].total, rows[-1].name, rows[-1].total) == (2, OTHER, 20)


def test_the_chart_has_what_clients_saw_beside_the_attempts():
    saw(ClientOutcome.CLIENT_LIMIT, times=2)
    traffic = Traffic()

    shown = charts(traffic.day(NOW), traffic.week(NOW), NOW)

    for period in shown.values():
        assert sum(period["seen_client_limit"]) == 2
        assert sum(period["succeeded"]) == 0


def test_a_period_of_hours_begins_with_a_full_one():
    assert since_of("1h", NOW) == NOW.replace(minute=0, second=0) - timedelta(hours=1)


class TestWhatTheDashboardAsksFor:
    url = reverse("admin:outcomes")

    def test_it_says_since_when_and_leads_to_the_token(self):
        token = add_token("laptop")
        saw(ClientOutcome.NO_KEY, client_id=token.pk, at=timezone.now().timestamp())

        found = (
            staff("view_apikey", "view_clienttoken")
            .get(self.url, {"by": "client", "period": "24h"})
            .json()
        )

        [row] = found["rows"]
        assert (found["by"], row["name"], row["no_key"], row["ok"]) == ("client", "laptop", 1, 0)
        assert row["url"].endswith(f"/clienttoken/{token.pk}/change/")
        assert found["since"].endswith(":00:00Z")

    def test_what_cannot_be_is_read_as_the_first(self):
        found = staff("view_apikey").get(self.url, {"by": "'; --", "period": "9y"})

        assert (found.status_code, found.json()["by"]) == (200, "model")

    def test_who_may_not_see_keys_may_not_ask(self):
        assert staff("view_clienttoken").get(self.url).status_code == 403
