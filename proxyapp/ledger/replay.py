"""From the spool to the database: each record once.

One that the database refuses does not stop the others.
"""

from collections.abc import Iterator, Sequence

from django.db import DataError, IntegrityError, transaction

from proxyapp.ledger.request_log_rows import write_requests
from proxyapp.ledger.spool_marks import Mark, raise_to, taken
from proxyapp.ledger.spool_records import Record
from proxyapp.ledger.usage import UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.pool.cooldown_rows import write_cooldowns
from proxyapp.resources.rows import write_resources

# A transaction: its locks are soon released, for processes that write meanwhile, and it ends before
# the database would count as away.
BATCH_RECORDS = 200
BATCH_COUNTS = 5_000


def record_batches(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """A record is not cut, however many counts it has."""
    batch: list[Record] = []
    counts = 0
    for record in records:
        if batch and (len(batch) == BATCH_RECORDS or counts + _counts(record) > BATCH_COUNTS):
            yield batch
            batch, counts = [], 0
        batch.append(record)
        counts += _counts(record)
    if batch:
        yield batch


def _counts(record: Record) -> int:
    logged = len(record.requests.rows) if record.requests else 0
    counts = len(record.tally.counts) + len(record.tally.clients.counts)
    return counts + len(record.resources) + logged


def write_batch(name: str, records: Sequence[Record]) -> tuple[int | None, list[bytes]]:
    """The pool's version that includes its cooldowns (None: there are none), and refused lines."""
    try:
        return _write(name, records), []
    except (IntegrityError, DataError):
        if len(records) == 1:
            return None, [records[0].line]
    found = [write_batch(name, [record]) for record in records]
    versions = [version for version, _ in found if version is not None]
    return max(versions, default=None), [line for _, refused in found for line in refused]


def _write(name: str, records: Sequence[Record]) -> int | None:
    with transaction.atomic():
        last = taken(name)
        new = [record for record in records if record.number > last]
        if new:
            raise_to(Mark(name, new[-1].number))
            write_usage(_sum(new))
            write_resources([change for record in new for change in record.resources])
        for record in new:
            if record.requests:
                write_requests(*record.requests)
        if not any(record.cooldowns for record in records):
            return None
        return write_cooldowns([cooldown for record in new for cooldown in record.cooldowns])


def _sum(records: Sequence[Record]) -> UsageTally:
    tally = UsageTally()
    for record in records:
        tally.merge(record.tally)
    return tally
