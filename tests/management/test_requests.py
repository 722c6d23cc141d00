"""`manage.py requests`."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from proxyapp.models import RequestLogGap
from tests.support.logged_requests import log, made_attempt, made_record
from tests.support.pool_data import NOW

pytestmark = pytest.mark.django_db


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("requests", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_a_line_each_with_the_keys_that_were_tried():
    log(made_record("r-1", 503, attempts=[made_attempt(7, "daily", 429), made_attempt(8)]))
    RequestLogGap.objects.create(minute=NOW, requests=12, failures=1)

    lines = printed("--status", "5xx").splitlines()

    assert lines[0].split()[:3] == ["TIME", "ID", "CLIENT"]
    assert "r-1" in lines[1]
    assert "key-7, removed (" in lines[1]
    assert "key-8, removed (answered)" in lines[1]
    assert lines[2].startswith("12 more requests of this time")


def test_json_has_all_of_it():
    log(made_record("r-1", attempts=[made_attempt(7)]))

    (row,) = json.loads(printed("--json", "--id", "r-1"))

    assert (row["id"], row["outcome"], row["client"]) == ("r-1", "ok", None)
    assert (row["cost_micros"], row["currency"]) == (0, "USD")
    assert row["attempts"][0]["verdict"] == "succeeded"
    assert row["time"].endswith("Z")


def test_csv_has_a_line_each_and_no_words():
    log(made_record("r-1", attempts=[made_attempt(7)]))
    RequestLogGap.objects.create(minute=NOW, requests=12, failures=1)

    head, line = printed("--csv").splitlines()

    assert head.startswith("time,id,client_id,client,address,group,model,")
    assert ",r-1,,,10.0.0.9,main," in line
    assert line.endswith('"key-7, removed (succeeded)"')


def test_it_says_that_there_are_more_and_that_there_is_none():
    log(made_record("r-1"), made_record("r-2"))

    assert "There are older ones" in printed("--limit", "1")
    assert printed("--outcome", "no_key") == "No such request is in the log.\n"


def test_what_is_no_choice_is_an_error():
    with pytest.raises(CommandError, match="--since: 'soon' is no time"):
        printed("--since", "soon")
