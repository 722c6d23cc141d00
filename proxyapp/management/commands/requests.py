"""`manage.py requests`: what became of clients' requests."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.models import RequestLogEntry
from proxyapp.operators.request_csv import MOST, requests_csv
from proxyapp.operators.request_search import (
    PATIENT_SECONDS,
    FoundRequests,
    find_requests,
    left_out,
)
from proxyapp.operators.request_texts import (
    RequestNames,
    outcome_label,
    requests_json,
    verdict_label,
)
from proxyapp.operators.request_words import OUTCOMES, UnclearRequests, read_choice
from proxyapp.vocabulary.time_zones import zone_named
from proxyapp.vocabulary.times import local_text

COLUMNS = ("TIME", "ID", "CLIENT", "ADDRESS", "MODEL", "STATUS", "OUTCOME", "MS", "KEYS TRIED")
RIGHT = (5, 7)
NOTHING = "-"
WORDS = {
    "since": "2h, 30m, 7d, 14:03 or 2026-11-29T14:03 (in TZ's zone)",
    "until": "as --since",
    "client": "id or name of a client token; - for none",
    "status": "503, or a class: 5xx",
    "outcome": ", ".join(OUTCOMES),
    "model": "as it was asked for",
    "group": "name of a group",
    "key": "id or name of a key that was tried",
    "id": "the x-request-id of an answer",
}


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Shows what became of clients' requests, the newest first: what each client saw, and which"
        " keys were tried with what verdict. It reads the log that REQUEST_LOG keeps; bodies are"
        " never in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for name, words in WORDS.items():
            parser.add_argument(f"--{name}", default="", help=words)
        parser.add_argument("--limit", type=int, default=50, help="how many at most (50)")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print JSON and nothing else")
        form.add_argument("--csv", action="store_true", help="print CSV and nothing else")

    def handle(self, *_: Any, **options: Any) -> None:
        words = {name: options[name] for name in WORDS}
        try:
            choice = read_choice(words, timezone.now(), zone_named(settings.TZ))
            most = min(max(options["limit"], 1), MOST)
            found = find_requests(choice, most, seconds=PATIENT_SECONDS)
            missing, failed = left_out(choice)
        except UnclearRequests as error:
            problems = error.problems.items()
            raise CommandError("\n".join(f"--{name}: {text}" for name, text in problems)) from error
        if options["csv"]:
            self.stdout.write(requests_csv(found.rows), ending="")
            return
        if options["json"]:
            self.stdout.write(json_text(requests_json(found.rows), self.stdout))
            return
        self._print(found, RequestNames(found.rows))
        if missing:
            self.stdout.write(
                f"{missing:,} more requests of this time, {failed:,} of which failed, are not in"
                " the log: there were more than REQUEST_LOG_PER_SECOND."
            )

    def _print(self, found: FoundRequests, names: RequestNames) -> None:
        if found.rows:
            lines = [_cells(row, names) for row in found.rows]
            self.stdout.write(plain_table(COLUMNS, lines, right=RIGHT))
        elif settings.REQUEST_LOG == "off":
            self.stdout.write("No request is logged: REQUEST_LOG is off.")
        else:
            self.stdout.write("No such request is in the log.")
        if found.looked_back_to:
            self.stdout.write(
                f"Looked back to {local_text(found.looked_back_to)}: narrow the time."
            )
        elif found.next_id:
            self.stdout.write("There are older ones: --limit, or --until.")


def _cells(row: RequestLogEntry, names: RequestNames) -> list[str]:
    tried = [f"{names.key(each)} ({verdict_label(each.verdict)})" for each in row.tried]
    return [
        local_text(row.arrived_at, "milliseconds"),
        row.request_id,
        names.client(row) or NOTHING,
        row.address,
        row.model or NOTHING,
        str(row.status),
        outcome_label(row.outcome),
        f"{row.ms:,}",
        ", ".join(tried) or NOTHING,
    ]
