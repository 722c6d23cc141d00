"""`manage.py quota`: what is used of the providers' limits, and where these come from."""

from typing import Any

from django.core.management.base import CommandParser

from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.operators.quota_report import NEARLY, QuotaChoice, QuotaRow, UsedLimit, quota_report
from proxyapp.operators.quota_texts import quota_json, used_text
from proxyapp.vocabulary.times import local_text

COLUMNS = ("OF", "MODEL", "USED", "LIMIT FROM", "FORECAST")
MOST_ROWS = 200
NOTHING = "-"


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Shows by project and model what is used of each limit, where the limit comes from, when it"
        " will be used up at the pace of late, and when there is room again. A key without a"
        " project stands for itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", default="", help="only this one")
        parser.add_argument("--group", default="", help="only what has keys in this group")
        parser.add_argument("--model", default="", help="only this one, also where it is unused")
        parser.add_argument(
            "--nearly", action="store_true", help=f"only what is used to {NEARLY:.0%}% or more"
        )
        parser.add_argument("--all", action="store_true", help=f"more than {MOST_ROWS} rows, too")
        parser.add_argument("--json", action="store_true", help="print JSON (all rows)")

    def handle(self, *_: Any, **options: Any) -> None:
        choice = QuotaChoice(
            options["project"], options["group"], options["model"].strip(), options["nearly"]
        )
        rows = quota_report(choice)
        if options["json"]:
            self.stdout.write(json_text(quota_json(rows), self.stdout))
        elif rows:
            self._print(rows, len(rows) if options["all"] else MOST_ROWS)
        else:
            self.stdout.write("Nothing was used today, and no model has a limit here.")

    def _print(self, rows: list[QuotaRow], most: int) -> None:
        lines = [line for row in rows[:most] for line in _lines(row)]
        self.stdout.write(plain_table(COLUMNS, lines))
        if len(rows) > most:
            self.stdout.write(f"and {len(rows) - most:,} more: --all shows them.")


def _lines(row: QuotaRow) -> list[list[str]]:
    """A limit a line; what is cooling says so in the first."""
    name, model = row.name, row.model or "all models"
    if row.meters:
        lines = [[*_cells(meter)] for meter in row.meters]
    else:
        used = f"{row.today.requests:,} requests, {row.today.llm_tokens:,} tokens today"
        lines = [[used, "no limit known", NOTHING]]
    if row.cooling_until is not None:
        lines[0][-1] = f"cooling until {local_text(row.cooling_until)}"
    first, *others = lines
    return [[name, model, *first], *(["", "", *other] for other in others)]


def _cells(meter: UsedLimit) -> list[str]:
    forecast = NOTHING
    if meter.back_at is not None:
        forecast = f"used up; back at {local_text(meter.back_at, 'seconds')}"
    elif meter.used_up_at is not None:
        forecast = f"used up at {local_text(meter.used_up_at)}"
    return [used_text(meter), meter.limit.source, forecast]
