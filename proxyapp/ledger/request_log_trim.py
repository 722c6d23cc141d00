"""The request log's bounds: its days and its rows. The oldest go, few in a transaction."""

import asyncio
import contextlib
import functools
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from proxyapp.database.threads import DatabaseThreads
from proxyapp.models import RequestLogEntry, RequestLogGap, RequestLogTry
from proxyapp.models.request_log import first_id

# A transaction, for which other writers wait under SQLite: 0.1 s on a busy machine.
BATCH_ROWS = 500
PAUSE_SECONDS = 0.1
# To count a million rows of an index.
COUNT_SECONDS = 30.0


def kept_from(now: datetime) -> int:
    """The lowest id that stays."""
    seconds = now.timestamp() - timedelta(days=settings.REQUEST_LOG_DAYS).total_seconds()
    oldest = first_id(max(seconds, 0.0))
    beyond = RequestLogEntry.objects.order_by("-id").values_list("id", flat=True)
    most = settings.REQUEST_LOG_ROWS
    return max([oldest, *(number + 1 for number in beyond[most : most + 1])])


def trim_batch(first_kept: int) -> int:
    """How many rows went: 0 when there is none left to go."""
    old = RequestLogEntry.objects.filter(id__lt=first_kept).order_by("id")
    ids = list(old.values_list("id", flat=True)[:BATCH_ROWS])
    if not ids:
        return 0
    with transaction.atomic():
        RequestLogTry.objects.filter(entry_id__lte=ids[-1]).delete()
        RequestLogEntry.objects.filter(id__lte=ids[-1]).delete()
    return len(ids)


def trim_gaps(now: datetime) -> None:
    oldest = now - timedelta(days=settings.REQUEST_LOG_DAYS)
    RequestLogGap.objects.filter(minute__lt=oldest).delete()


def trim_batches(now: datetime) -> Iterator[int]:
    trim_gaps(now)
    first_kept = kept_from(now)
    while gone := trim_batch(first_kept):
        yield gone


async def trim(threads: DatabaseThreads, is_stopping: asyncio.Event) -> None:
    """Leaves the thread to others after every batch. Raises django.db.Error."""
    now = timezone.now()
    await threads.background(functools.partial(trim_gaps, now))
    first_kept = await threads.background(functools.partial(kept_from, now), COUNT_SECONDS)
    while await threads.background(functools.partial(trim_batch, first_kept), COUNT_SECONDS):
        if is_stopping.is_set():
            return
        await asyncio.sleep(PAUSE_SECONDS)


async def trim_when_due(
    threads: DatabaseThreads, is_due: asyncio.Event, is_stopping: asyncio.Event
) -> None:
    """Whoever stops sets both."""
    while not is_stopping.is_set():
        await is_due.wait()
        is_due.clear()
        if not is_stopping.is_set():
            with contextlib.suppress(DatabaseError):  # it is away: done with the next rows
                await trim(threads, is_stopping)
