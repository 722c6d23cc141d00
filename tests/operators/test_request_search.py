"""Requests are found by what they were, the newest first, and a page at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.models import RequestLogGap
from proxyapp.operators import request_search
from proxyapp.operators.request_filters import FAILED, RequestChoice
from proxyapp.operators.request_search import find_requests, left_out
from proxyapp.operators.request_words import UnclearRequests, moment, read_choice
from proxyapp.requests.record import ClientOutcome
from tests.support.client_tokens import add_token
from tests.support.logged_requests import AT, log, made_attempt, made_record
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db
NOW = datetime.fromtimestamp(AT, UTC)
LIMIT = ClientOutcome.CLIENT_LIMIT


def found(most: int = 100, **chosen: Any) -> list[str]:
    return [row.request_id for row in find_requests(RequestChoice(**chosen), most).rows]


@pytest.fixture
def _logged() -> None:
    log(
        made_record("ok", at=AT, client_id=1, attempts=[made_attempt(5)]),
        made_record("500", 500, at=AT + 1, client_id=2, model="gemini-2.5-pro"),
        made_record("503", 503, at=AT + 2, client_id=1, outcome=ClientOutcome.NO_KEY),
        made_record("429", 429, at=AT + 3, client_id=1, group="other", outcome=LIMIT),
        made_record("tried", at=AT + 4, attempts=[made_attempt(5, "daily", 429), made_attempt(6)]),
    )


@pytest.mark.usefixtures("_logged")
@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({}, ["tried", "429", "503", "500", "ok"]),
        ({"since": NOW + timedelta(seconds=2)}, ["tried", "429", "503"]),
        ({"until": NOW + timedelta(seconds=2)}, ["500", "ok"]),
        ({"client_id": 1}, ["429", "503", "ok"]),
        ({"client_id": 0}, ["tried"]),
        ({"key_id": 5}, ["tried", "ok"]),
        ({"key_id": 6}, ["tried"]),
        ({"status": "503"}, ["503"]),
        ({"status": "5xx"}, ["503", "500"]),
        ({"status": "3xx"}, []),
        ({"outcome": "client_limit"}, ["429"]),
        ({"outcome": FAILED}, ["429", "503", "500"]),
        ({"model": "gemini-2.5-pro"}, ["500"]),
        ({"group": "other"}, ["429"]),
        ({"request_id": "503"}, ["503"]),
        ({"client_id": 1, "status": "5xx"}, ["503"]),
        ({"key_id": 5, "group": "main", "status": "200"}, ["tried", "ok"]),
        ({"model": "gemini-2.5-flash", "outcome": FAILED, "client_id": 1}, ["429", "503"]),
    ],
)
def test_what_is_chosen_is_found(chosen: dict[str, Any], ids: list[str]):
    assert found(**chosen) == ids


@pytest.mark.usefixtures("_logged")
@pytest.mark.parametrize("chosen", [{}, {"outcome": FAILED}, {"client_id": 1, "group": "main"}])
def test_pages_follow_each_other_without_a_gap(chosen: dict[str, Any]):
    pages: list[str] = []
    before_id = 0
    while not pages or before_id:
        page = find_requests(RequestChoice(**chosen), 1, before_id=before_id)
        pages += [row.request_id for row in page.rows]
        before_id = page.next_id

    assert pages == found(**chosen)


def test_a_search_that_takes_too_long_says_how_far_it_came_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(request_search, "STEP", 5)
    log(*(made_record(f"new-{n}", 500, at=AT + n, model="m") for n in range(20)))
    log(*(made_record(f"old-{n}", 503, at=AT - n, model="m") for n in (1, 2, 3)))
    log(*(made_record(f"other-{n}", 503, at=AT + n) for n in range(40)))
    choice = RequestChoice(status="503", model="m")

    first = find_requests(choice, 2, seconds=0.0)
    assert first.rows == []
    assert first.looked_back_to == NOW + timedelta(seconds=15)

    second = find_requests(choice, 2, before_id=first.next_id, seconds=9.0)
    assert [row.request_id for row in second.rows] == ["old-1", "old-2"]


def test_the_filter_that_finds_the_fewest_is_walked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_search, "STEP", 5)
    log(*(made_record(f"r-{n}", at=AT + n, client_id=1) for n in range(20)))
    log(made_record("rare", 503, at=AT - 1, client_id=1))

    found_at_once = find_requests(RequestChoice(client_id=1, status="503"), 3, seconds=0.0)

    assert [row.request_id for row in found_at_once.rows] == ["rare"]


def test_of_what_fits_by_all_filters_no_more_is_read_than_the_first_few(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
):
    """Two filters are compared; then one piece of an index, and its rows."""
    monkeypatch.setattr(request_search, "FIRST_STEP", 3)
    log(*(made_record(f"r-{n}", 503, at=AT + n, client_id=1) for n in range(20)))

    with django_assert_num_queries(4) as queries:
        rows = find_requests(RequestChoice(client_id=1, status="503"), 2).rows

    assert [row.request_id for row in rows] == ["r-19", "r-18"]
    assert queries[-1]["sql"].split("IN (")[-1].split(")")[0].count(",") == 2


def test_what_was_left_out_is_that_of_the_time_chosen():
    for minutes in range(3):
        RequestLogGap.objects.create(
            minute=NOW.replace(second=0) + timedelta(minutes=minutes), requests=10, failures=1
        )

    assert left_out(RequestChoice()) == (30, 3)
    assert left_out(RequestChoice(until=NOW + timedelta(minutes=1, seconds=1))) != (30, 3)
    assert left_out(RequestChoice(since=NOW + timedelta(minutes=1))) == (20, 2)


# Words.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2026-11-18", datetime(2026, 11, 18, tzinfo=UTC)),
        ("2026-11-18T14:03", datetime(2026, 11, 18, 14, 3, tzinfo=UTC)),
        ("2026-11-18T14:03+02:00", datetime(2026, 11, 18, 12, 3, tzinfo=UTC)),
        ("14:03", NOW.replace(hour=14, minute=3, second=0)),
    ],
)
def test_a_time_is_written_as_one_likes(text: str, expected: datetime):
    assert moment(text, NOW, UTC) == expected


def test_a_key_and_a_client_are_chosen_by_name():
    key = add_key(add_group("main"), "one", name="first")
    token = add_token("laptop")

    choice = read_choice({"key": "first", "client": "laptop", "status": "5XX"}, NOW)

    assert (choice.key_id, choice.client_id, choice.status) == (key.pk, token.pk, "5xx")
    assert read_choice({"key": "77", "client": "-"}, NOW) == RequestChoice(key_id=77, client_id=0)


def test_all_that_is_wrong_is_said_at_once_and_no_secret_repeated():
    add_group("main")
    secret = "AIza" + "S" * 35
    words = {"since": "soon", "key": secret, "client": "nobody", "status": "999", "outcome": "bad"}

    with pytest.raises(UnclearRequests) as raised:
        read_choice(words, NOW)

    assert raised.value.problems.keys() == words.keys()
    assert secret not in str(raised.value)
