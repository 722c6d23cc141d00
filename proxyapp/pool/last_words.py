"""What an upstream said when it refused the last key: for all who come while none is back."""

import asyncio
import functools
from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.models import RateLimitEvent
from proxyapp.pool.cooldowns import EVERY_SCOPE
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring import Ring
from proxyapp.provider.excerpts import brief
from proxyapp.provider.refusal import read_refusal

# Rings and quota scopes together; what goes is read again when somebody asks.
MOST_KEPT = 500
# Of other rings most of them may be.
MOST_READ = 100


class Heard(NamedTuple):
    """`until`: when the first key of the ring is back, and the words are past."""

    words: str
    until: float


class LastWords:
    """In memory what this process has heard, and from the events what others have."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._heard: dict[tuple[str, str], Heard] = {}
        self._reading = asyncio.Lock()

    def note(self, ring: Ring, quota_scope: str, words: str, until: float) -> None:
        self._keep(place_of(ring, quota_scope), Heard(words, until))

    def _keep(self, place: tuple[str, str], heard: Heard) -> None:
        self._heard.pop(place, None)
        self._heard[place] = heard
        if len(self._heard) > MOST_KEPT:
            del self._heard[next(iter(self._heard))]

    async def of(self, ring: Ring, quota_scope: str, until: float, now: float) -> str:
        """Empty when nobody knows them. One reads at a time, and once until that release."""
        place = place_of(ring, quota_scope)
        if (heard := self._valid(place, now)) is not None:
            return heard.words
        async with self._reading:
            if (heard := self._valid(place, now)) is None:
                heard = Heard(await self._read(ring, place[1], now), until)
                self._keep(place, heard)
            return heard.words

    def _valid(self, place: tuple[str, str], now: float) -> Heard | None:
        heard = self._heard.get(place)
        return heard if heard and heard.until > now else None

    async def _read(self, ring: Ring, quota_scope: str, now: float) -> str:
        moment = datetime.fromtimestamp(now, UTC)
        reading = functools.partial(words_in_events, ring.keys, quota_scope, moment)
        try:
            return await self._threads.read(reading)
        except DatabaseError:
            return ""


def place_of(ring: Ring, quota_scope: str) -> tuple[str, str]:
    """Clients can name endless models: those without cooldowns of their own share one place."""
    return ring.name, quota_scope if ring.is_narrowed(quota_scope) else EVERY_SCOPE


def words_of(excerpt: str) -> str:
    """Of a refusal's excerpt, in which keys are masked."""
    return brief(read_refusal(excerpt.encode()).message)


def words_in_events(keys: Collection[PoolKey], quota_scope: str, now: datetime) -> str:
    """Of the last event that holds one of the keys; another ring's is not for its clients."""
    ids, projects = {key.id for key in keys}, {key.project for key in keys if key.project}
    events = RateLimitEvent.objects.filter(
        cooling_until__gt=now, released_at=None, model__in={EVERY_SCOPE, quota_scope}
    ).order_by("-id")
    rows = events.values_list("key_id", "project", "excerpt")[:MOST_READ]
    said = (text for key_id, project, text in rows if key_id in ids or project in projects)
    return words_of(next(said, ""))
