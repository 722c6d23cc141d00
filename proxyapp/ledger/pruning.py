"""Removes old rows now and then, and looks over the sums beside them: one process for all."""

import asyncio
import contextlib
import functools
import logging
from datetime import UTC, datetime

from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger import recount, request_log_trim, retention

logger = logging.getLogger(__name__)
# Not while workers start. Rows are kept for days, so that an hour more or less is nothing to them.
FIRST_PRUNING_SECONDS = 60.0
PRUNING_SECONDS = 3600.0
# A batch of old rows: after so long, the database counts as away. It writes thousands of rows,
# where ANSWER_SECONDS is for a few.
PRUNE_SECONDS = 30.0
# SQLite's waiting writers look again only so often: between two batches they need the time to.
PRUNING_PAUSE_SECONDS = 0.2


async def prune_often(threads: DatabaseThreads, is_stopping: asyncio.Event) -> None:
    await within(FIRST_PRUNING_SECONDS, is_stopping)
    while not is_stopping.is_set():
        try:
            with contextlib.suppress(DatabaseError):  # it is away: tried again next time
                await _prune(threads, is_stopping)
                await _recount(threads, is_stopping)
        except Exception:
            logger.exception("Old rows could not be removed")
        await within(PRUNING_SECONDS, is_stopping)


async def _prune(threads: DatabaseThreads, is_stopping: asyncio.Event) -> None:
    """Leaves the thread to others after every batch.

    What a stop or an error leaves over goes next time.
    """
    now = datetime.now(UTC)
    if not await threads.background(functools.partial(retention.claim, retention.PRUNING, now)):
        return
    while not is_stopping.is_set():
        if not await threads.background(
            functools.partial(retention.prune_batch, now), PRUNE_SECONDS
        ):
            await request_log_trim.trim(threads, is_stopping)
            return
        await within(PRUNING_PAUSE_SECONDS, is_stopping)


async def _recount(threads: DatabaseThreads, is_stopping: asyncio.Event) -> None:
    claim = functools.partial(retention.claim, retention.RECOUNT, datetime.now(UTC))
    if await threads.background(claim):
        for hour in recount.hours_before(datetime.now(UTC), retention.MODEL_HOUR_DAYS):
            models = functools.partial(recount.recount_models, hour)
            await threads.background(models, PRUNE_SECONDS)
            await within(PRUNING_PAUSE_SECONDS, is_stopping)
            if is_stopping.is_set():
                return
        await _recount_keys(threads, is_stopping)


async def _recount_keys(threads: DatabaseThreads, is_stopping: asyncio.Event) -> None:
    last: int | None = 0
    while last is not None and not is_stopping.is_set():
        keys = functools.partial(recount.recount_keys_after, last, datetime.now(UTC))
        last = await threads.background(keys, PRUNE_SECONDS)
        await within(PRUNING_PAUSE_SECONDS, is_stopping)


async def within(seconds: float, event: asyncio.Event) -> None:
    """Returns when the event is set, or after the time."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
