"""`manage.py quota`: a table for readers, JSON for programs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command

from proxyapp.management.commands import quota as command
from tests.support.pool_data import add_group, add_key, use

pytestmark = pytest.mark.django_db
FLASH = "gemini-2.5-flash"
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def quota(*arguments: str) -> str:
    output = StringIO()
    call_command("quota", *arguments, stdout=output)
    return output.getvalue()


def used_up() -> int:
    group = add_group(limits={FLASH: {"requests_per_day": 250}})
    key = add_key(group, "aaaa", name="laptop", project="alpha")
    use(key, NOW, FLASH, succeeded=250, prompt_tokens=7)
    return key.pk


def test_a_line_says_what_is_used_of_which_limit_and_when_it_is_back() -> None:
    used_up()
    header, line = quota().splitlines()
    assert header.split() == ["OF", "MODEL", "USED", "LIMIT", "FROM", "FORECAST"]
    assert [cell.strip() for cell in line.split("  ") if cell] == [
        "project alpha",
        FLASH,
        "250 of 250 requests/day (100 %)",
        "group main",
        "used up; back at 2026-11-25 08:00:00 UTC",
    ]


def test_programs_get_iso_times() -> None:
    used_up()
    assert json.loads(quota("--json")) == [
        {
            "owner": "project:alpha",
            "project": "alpha",
            "key": None,
            "groups": ["main"],
            "model": FLASH,
            "requests_today": 250,
            "tokens_today": 7,
            "limits": [
                {
                    "meter": "requests_per_day",
                    "used": 250,
                    "limit": 250,
                    "source": "group main",
                    "part": 1.0,
                    "used_up_at": None,
                    "back_at": "2026-11-25T08:00:00Z",
                    "less_strict": [],
                }
            ],
            "cooling_until": None,
        }
    ]


def test_a_long_table_ends_with_how_many_more_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MOST_ROWS", 2)
    group = add_group()
    for number in range(3):
        use(add_key(group, f"aaa{number}", name=f"key-{number}"), NOW, FLASH, succeeded=1)
    assert quota().splitlines()[-1] == "and 1 more: --all shows them."
    assert "more" not in quota("--all")
    assert len(json.loads(quota("--json"))) == 3


def test_without_anything_it_says_so() -> None:
    assert quota() == "Nothing was used today, and no model has a limit here.\n"
    assert json.loads(quota("--json", "--project", "nobody")) == []
