"""`manage.py usage`."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.management import CommandError, call_command

from proxyapp.models import HourlyUsage
from tests.support.pool_data import NOW, add_group, add_key

pytestmark = pytest.mark.django_db


def usage(*arguments: str) -> str:
    out = io.StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("usage", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def used() -> None:
    key = add_key(add_group("main"), "one", project="alpha")
    for day, model, cost in ((23, "pro", 1_500_000), (1, "flash", 0)):
        HourlyUsage.objects.create(
            key=key,
            model=model,
            hour=datetime(2026, 11, day, 5, tzinfo=UTC),
            requests=1200,
            prompt_tokens=7,
            cost_micros=cost,
            unpriced_tokens=0 if cost else 7,
        )


def test_this_month_is_shown_by_model_with_its_total():
    lines = usage().splitlines()

    assert lines[0] == "2026-11-01 to 2026-11-24 (UTC)"
    assert lines[1].split() == [
        "MODEL",
        "REQUESTS",
        "SUCCEEDED",
        "TOKENS",
        "IN",
        "TOKENS",
        "OUT",
        "COST",
        "(USD)",
    ]
    assert lines[2].split() == ["pro", "1,200", "0", "7", "0", "1.50"]
    assert lines[3].endswith("7 tokens without a price")
    assert lines[4].split()[:2] == ["total", "2,400"]


def test_programs_get_json_and_spreadsheets_csv():
    found = json.loads(
        usage("--by", "project", "--from", "2026-11-23", "--to", "2026-11-23", "--json")
    )
    rows = list(csv.reader(io.StringIO(usage("--by", "project", "--range", "yesterday", "--csv"))))

    assert (found["zone"], found["currency"], found["total"]["cost"]) == ("UTC", "USD", "1.50")
    assert [row["project"] for row in found["rows"]] == ["alpha"]
    assert rows[1] == ["alpha", "1200", "0", "7", "0", "1.50", "0"]


def test_days_without_usage_say_so_and_days_that_cannot_be_are_refused():
    assert usage("--range", "today") == "Nothing was used: 2026-11-24 (UTC).\n"
    with pytest.raises(CommandError, match="is after"):
        usage("--from", "2026-12-24")
