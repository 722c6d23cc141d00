"""What the request log costs: `python -m bench.request_log [--postgresql] [ROWS]`.

What a request pays for it, what is written a second, and the page with a million of rows. The
database is one of its own, as that of `bench.admin_pages`; it is filled as the gateway writes.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.admin_pages import database
from bench.admin_requests import Cost, best_answer, operator_client, table, url_of

if TYPE_CHECKING:
    from proxyapp.requests.record import RequestRecord

ROWS, BATCH, KEYS, CLIENTS = 1_000_000, 1_000, 1_000, 200
HEARD, A_SECOND = 200_000, 7_000
SPAN_SECONDS = 6 * 86_400.0
RARE = ("gemini-rare", "client 7", "503")


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    rows = numbers[0] if numbers else ROWS
    with tempfile.TemporaryDirectory(prefix="bench-requests-") as home, database(home) as url:
        os.environ.update(VAR_DIR=home, ENV_FILE=os.devnull, DATABASE_URL=url, LOG_LEVEL="WARNING")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(f"a request pays {_hearing():.2f} µs")
        print(f"a row takes {_fill(rows):.0f} µs of CPU to write", flush=True)
        size = Path(home, "db.sqlite3")
        if size.exists():
            print(f"the database takes {size.stat().st_size / rows:.0f} bytes a row")
        print(table(_pages()))
        print(_trimming(rows))


def made(number: int, at: float, source: random.Random) -> "RequestRecord":
    """Every twentieth failed, every hundredth of these tried three keys."""
    from proxyapp.requests.record import AttemptRecord, ClientOutcome, RequestRecord

    record = RequestRecord(f"01980000-0000-7000-8000-{number:012d}", "POST", at)
    record.client_id, record.address, record.endpoint = number % CLIENTS, "10.0.0.1", "generate"
    record.model = RARE[0] if number % 100_000 == 7 else f"gemini-{number % 20}"
    record.group = f"group {number % 10}"
    record.status = (503, 429, 400)[source.randrange(3)] if number % 20 == 0 else 200
    failed = ClientOutcome.UPSTREAM if record.status == 503 else ClientOutcome.CLIENT_ERROR
    record.outcome = ClientOutcome.OK if record.status == 200 else failed
    for _ in range(3 if number % 100 == 0 else 1):
        key = source.randrange(KEYS)
        attempt = AttemptRecord(key, f"key {key}", 1, record.group, f"project {key}")
        attempt.verdict, attempt.status, attempt.seconds = "succeeded", record.status, 0.4
        record.attempts.append(attempt)
    record.seconds, record.first_byte_seconds = 0.5, 0.4
    return record


def _hearing() -> float:
    """Microseconds of the event loop, of one in A_SECOND of a second that takes 50."""
    from proxyapp.requests.sample import LogSample

    source, now = random.Random(7), float(int(time.time()))
    records = [made(number, now + number // A_SECOND, source) for number in range(A_SECOND * 4)]
    sample = LogSample(50)
    began_at = time.process_time()
    for number in range(HEARD):
        sample.add(records[number % len(records)])
        if number % A_SECOND == 0:
            sample.take(0.0, everything=True)
    return (time.process_time() - began_at) / HEARD * 1e6


def _fill(rows: int) -> float:
    from django.db import connection, transaction

    from proxyapp.ledger.request_log_rows import LogBatch

    source, now = random.Random(7), time.time()
    taken = 0.0
    for start in range(0, rows, BATCH):
        records = [
            made(number, now - SPAN_SECONDS * (rows - number) / rows, source)
            for number in range(start, min(start + BATCH, rows))
        ]
        began_at = time.process_time()
        with transaction.atomic():
            LogBatch(records, {}).write()
        taken += time.process_time() - began_at
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return taken / rows * 1e6


def _pages() -> dict[str, Cost]:
    from proxyapp.models import RequestLogEntry

    middle = RequestLogEntry.objects.order_by("id")[RequestLogEntry.objects.count() // 2]
    client = operator_client()
    found = {
        name: best_answer(client, url_of("requests", query=query))
        for name, query in dict(_queries(middle.id, f"{middle.arrived_at:%Y-%m-%dT%H:%M}")).items()
    }
    return found | {"one request": best_answer(client, url_of("request", middle.id))}


def _queries(middle: int, moment: str) -> Iterator[tuple[str, str]]:
    yield "the newest", ""
    yield "from the middle on", f"before={middle}"
    yield "of a time", f"since={moment}&until={moment}:59"
    yield "of a client", "client=7"
    yield "of a key, also tried", "key=77"
    yield "of a status", "status=503"
    yield "of all 5xx", "status=5xx"
    yield "that failed", "outcome=failed"
    yield "of a model", "model=gemini-3"
    yield "of a rare model", f"model={RARE[0]}"
    yield "of a model that there is not", "model=none"
    yield "of a group", "group=group+3"
    yield "by its id", "id=01980000-0000-7000-8000-000000000077"
    yield "of a client, a model, failed", "client=0&model=gemini-0&outcome=failed"
    yield "nothing by two that are many", "model=gemini-3&group=group+4"
    yield "nothing by three that are many", "outcome=ok&model=gemini-3&group=group+4&key=7"


def _trimming(rows: int) -> str:
    from django.conf import settings
    from django.utils import timezone

    from proxyapp.ledger import request_log_trim

    settings.REQUEST_LOG_ROWS = rows - min(rows // 2, 20_000)
    began_at = time.perf_counter()
    first_kept = request_log_trim.kept_from(timezone.now())
    counted = time.perf_counter() - began_at
    batches = []
    while True:
        began_at = time.perf_counter()
        if not request_log_trim.trim_batch(first_kept):
            break
        batches.append((time.perf_counter() - began_at) * 1000)
    return (
        f"the oldest go: counted in {counted * 1000:.0f} ms, a batch {max(batches):.0f} ms at most"
    )


if __name__ == "__main__":
    main()
