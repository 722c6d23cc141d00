"""Answers a request of a client token that may have so many under way, in a place of its own."""

import time
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from proxyapp.access.admission import RefusalCounter
from proxyapp.access.token_book import Client
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.own_answer import OwnAnswer
from proxyapp.quota.client_places import SESSIONS, ClientPlaces, RequestPlace
from proxyapp.vocabulary.errors import LimitReached

Answer = TypeVar("Answer", bound=Attempt | OwnAnswer)


class PlaceParts(Protocol):
    """What of the runtime it takes."""

    places: ClientPlaces

    @property
    def counting(self) -> RefusalCounter: ...


async def place_of(parts: PlaceParts, client: Client) -> RequestPlace | None:
    """None: it needs none. Raises LimitReached, which counts as refused."""
    if client.max_concurrent is None:
        return None
    try:
        return await parts.places.take(client.id, client.max_concurrent)
    except LimitReached:
        parts.counting.count_refused(client, time.time())
        raise


async def session_place_of(parts: PlaceParts, client: Client) -> RequestPlace | None:
    """As `place_of`, of the client's Live sessions."""
    if client.live_sessions is None:
        return None
    return await parts.places.take(client.id, client.live_sessions, SESSIONS)


async def in_place(
    parts: PlaceParts, client: Client, answering: Coroutine[Any, Any, Answer]
) -> Answer:
    """The answer, which keeps the place until it has ended. Raises LimitReached."""
    try:
        place = await place_of(parts, client)
    except BaseException:
        answering.close()
        raise
    try:
        answer = await answering
    except BaseException:
        if place is not None:
            place.end()
        raise
    if place is None:
        return answer
    if isinstance(answer, Attempt):
        answer.count.keep_place(place)
    else:
        place.end()
    return answer
