"""`manage.py usage`: what was used, by whom or by what, and what it cost."""

from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.operators.usage_ranges import RANGES, chosen_range, named_range
from proxyapp.operators.usage_report import BY, UsageCounts, UsageReport, usage_report
from proxyapp.operators.usage_texts import change_text, cost_text, usage_csv, usage_json

HEAD = ("REQUESTS", "SUCCEEDED", "TOKENS IN", "TOKENS OUT")


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Shows what was used in days of UTC and what it cost, this month if nothing else is said."
        " By client: each request once, of clients with a token; else: each attempt with a key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", choices=list(BY), default="model", help="default: model")
        parser.add_argument("--range", choices=list(RANGES), help="instead of --from and --to")
        for name, what in (("from", "the first day"), ("to", "the last one")):
            parser.add_argument(
                f"--{name}", dest=name, type=_day, metavar="DAY", help=f"{what}, as 2026-11-30"
            )
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument("--json", action="store_true", help="print JSON and nothing else")
        forms.add_argument("--csv", action="store_true", help="print CSV and nothing else")

    def handle(self, *_: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            if options["range"]:
                days = named_range(options["range"], now)
            else:
                days = chosen_range(options["from"], options["to"], now)
            report = usage_report(options["by"], days)
        except ValueError as error:
            raise CommandError(f"{error}.") from None
        if options["json"]:
            self.stdout.write(json_text(usage_json(report), self.stdout))
        elif options["csv"]:
            self.stdout.write(usage_csv(report), ending="")
        else:
            self._print(report)

    def _print(self, report: UsageReport) -> None:
        if not report.rows:
            self.stdout.write(f"Nothing was used: {report.range} (UTC).")
            return
        rows = [(row.label, *_cells(row.counts)) for row in report.rows]
        rows.append(("total", *_cells(report.total)))
        head = (report.by.upper(), *HEAD, f"COST ({report.currencies})")
        self.stdout.write(f"{report.range} (UTC)")
        self.stdout.write(plain_table(head, rows, right=(1, 2, 3, 4, 5)))
        for change in report.currencies.changes:
            self.stdout.write(change_text(change))


def _cells(counts: UsageCounts) -> list[str]:
    numbers = (counts.requests, counts.succeeded, counts.prompt_tokens, counts.output_tokens)
    return [*(f"{number:,}" for number in numbers), cost_text(counts)]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day such as 2026-11-30") from None
