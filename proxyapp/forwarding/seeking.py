"""Where else a resource is looked for, when a project does not have it."""

from typing import Protocol

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bond import bond_of
from proxyapp.forwarding.bound_request import BindingParts
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.wish import KeyWish
from proxyapp.vocabulary.errors import GatewayError

# Each of them may have made what is asked for, and none is asked twice.
MOST_PROJECTS = 20
# How Google answers for what is another project's, or nobody's.
MISSED = (403, 404)


class SeekingParts(BindingParts, Protocol):
    """What of the runtime it takes."""

    queue: KeyQueue


class Seeking:
    """Of one request that names resources. What nobody knows is asked of one project after the
    other; what is known wrongly here the database may know better, once.
    """

    def __init__(self, parts: SeekingParts, request: RequestPlan, wish: KeyWish) -> None:
        self._parts = parts
        self._request = request
        self._wish = wish
        self._asked = 0

    async def goes_on_after(self, attempt: Attempt) -> bool:
        """Then the answer is done with."""
        bond = self._request.bond
        if attempt.status not in MISSED or bond is None:
            return False
        self._asked += 1
        if bond.is_sought:
            goes_on = self._has_next(attempt)
        else:
            goes_on = self._asked == 1 and await self._has_moved()
        if goes_on:
            await attempt.keep()
        return goes_on

    def _has_next(self, attempt: Attempt) -> bool:
        key, wish = attempt.key, self._wish
        wish.tried.update(self._parts.snapshot.sharing(key.id, key.project))
        return self._asked < MOST_PROJECTS and self._parts.queue.has_other(wish)

    async def _has_moved(self) -> bool:
        parts, request = self._parts, self._request
        found = await parts.resources.refind_all(request.names)
        try:
            bond = bond_of(parts.snapshot, request.whole_ring, request.client, found)
        except GatewayError:
            return False
        if request.bond is None or bond is None or bond.key_ids in (None, request.bond.key_ids):
            return False
        request.bond = bond
        self._wish.only = bond.key_ids
        self._wish.tried.clear()
        return True
