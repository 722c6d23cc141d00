"""What a request has to do with resources: which keys it is bound to, and what its answer made."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from proxyapp.database.threads import DatabaseThreads
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bond import Bond, bond_of
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.codings import decoded
from proxyapp.resources.answers import READ_BYTES, names_made
from proxyapp.resources.book import ResourceBook
from proxyapp.resources.known import KnownResource
from proxyapp.resources.names import kind_of
from proxyapp.resources.references import MOST_REFERENCES
from proxyapp.vocabulary.errors import (
    BadRequest,
    NoKeyAvailable,
    StreamBroken,
    UnknownResource,
)

# The last part of an upload in Google's older protocol is a PUT.
MAKING = ("POST", "PUT")
# An answer that makes something is short, and says its name first.
ANSWER_SECONDS = 5.0
AWAY_RETRY_SECONDS = 5


class BindingParts(Protocol):
    """What of the runtime it takes."""

    snapshot: Snapshot
    resources: ResourceBook
    threads: DatabaseThreads


async def bind(parts: BindingParts, request: RequestPlan) -> None:
    """Raises UnknownResource, BadRequest or NoKeyAvailable."""
    if len(request.names) > MOST_REFERENCES:
        raise BadRequest(f"The request names more than {MOST_REFERENCES} files and the like.")
    try:
        _tie(parts, request, await parts.resources.find_all(request.names))
    except UnknownResource:
        _tie(parts, request, await parts.resources.refind_all(request.names))


def _tie(
    parts: BindingParts, request: RequestPlan, found: Mapping[str, Sequence[KnownResource]]
) -> None:
    try:
        bond = bond_of(parts.snapshot, request.whole_ring, request.client, found)
    except UnknownResource as error:
        if parts.threads.is_away:
            why = f"The gateway's database is away, and with it who made what. {error}"
            raise NoKeyAvailable(why, retry_after=AWAY_RETRY_SECONDS) from None
        raise
    if bond is not None and request.is_narrowed and bond.key_ids is not None:
        _check_groups(parts.snapshot, request, bond)
    request.bond = bond
    if bond is not None:
        request.barred_groups |= bond.barred_groups


def _check_groups(snapshot: Snapshot, request: RequestPlan, bond: Bond) -> None:
    """Raises BadRequest: the model's groups are others than the resource's."""
    choices = request.route.choices if request.route is not None else ()
    names = {request.ring, *(choice.ring for choice in choices)}
    groups = {group.id for name in names for group in snapshot.groups_of(name)}
    keys = [key for key_id in bond.key_ids or () if (key := snapshot.keys.get(key_id)) is not None]
    if not any(key.group.id in groups for key in keys):
        raise BadRequest(
            f"{bond.whose} is of a group that does not have the model {request.model!r}: make it"
            " again at /g/<group>/ of a group that has, or ask for a model of that group."
        )


async def learn(parts: BindingParts, request: RequestPlan, attempt: Attempt) -> None:
    """From a good answer, before it is relayed: the next request may come at once."""
    book, bond, facts = parts.resources, request.bond, request.facts
    if bond is not None and bond.is_sought:
        await book.remember(_made(bond.names, attempt, 0))
    if request.method == "DELETE" and facts.is_whole and facts.resource is not None:
        await _forget(book, facts.resource, attempt.key)
    elif facts.is_making and request.method in MAKING:
        names = await _names(attempt, request)
        new = [name for name in names[:1] if name not in request.names]  # else it is somebody's
        others = await _unknown(book, names[len(new) :], attempt.key)
        await book.remember(_made([*new, *others], attempt, request.client.id))
    elif facts.tells_results and request.method == "GET":
        owner = bond.made.client_id if bond is not None and bond.made is not None else 0
        others = await _unknown(book, await _names(attempt, request), attempt.key)
        await book.remember(_made(others, attempt, owner))


async def _forget(book: ResourceBook, name: str, key: PoolKey) -> None:
    """Also where it was made before the key was added again, or with another of its project."""
    made = [row.key_id for row in await book.find(name) if row.is_of(key)]
    for key_id in dict.fromkeys([*made, key.id]):
        book.forget(name, key_id)


async def _unknown(book: ResourceBook, names: Sequence[str], key: PoolKey) -> list[str]:
    """An answer also tells of what was there before, and may be another client's."""
    return [name for name in names if not any(row.is_of(key) for row in await book.find(name))]


def _made(names: Sequence[str], attempt: Attempt, client_id: int) -> list[KnownResource]:
    key, now = attempt.key, time.time()
    return [
        KnownResource.made_with(key, name, client_id, now + kind_of(name).seconds) for name in names
    ]


async def _names(attempt: Attempt, request: RequestPlan) -> tuple[str, ...]:
    """What was read stays to be relayed. A stream says the name in its first events."""
    read, until = attempt.held(), time.monotonic() + ANSWER_SECONDS
    is_stream = attempt.header(b"content-type").startswith(b"text/event-stream")
    while True:
        is_over = attempt.is_complete or sum(map(len, read)) >= READ_BYTES
        seconds = until - time.monotonic()
        names: tuple[str, ...] = ()
        if is_stream or is_over or seconds <= 0:
            names = names_made(request.path, decoded(b"".join(read), attempt.coding))
        if names or is_over or seconds <= 0:
            break
        try:
            await attempt.arrive(seconds)
        except StreamBroken:
            break  # whoever relays it finds out
        read += attempt.take()
    attempt.hold(read)
    return names
