"""Where else a resource is looked for, when a project does not have it."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bond import Bond, bond_of, sought_in_vain
from proxyapp.forwarding.bound_request import BindingParts
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.wish import KeyWish
from proxyapp.resources.seeks import COST, COST_OF_MODEL
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
    other, and not again while that is known to be in vain; what is known wrongly here the database
    may know better, once.
    """

    def __init__(self, parts: SeekingParts, request: RequestPlan, wish: KeyWish) -> None:
        self._parts = parts
        self._request = request
        self._wish = wish
        self._asked: list[int] = []
        self._missed: Attempt | None = None
        self._cost = 0

    async def bounded(self, search: Callable[[], Coroutine[Any, Any, Attempt]]) -> Attempt:
        """The search, where it is one for an unknown name as one of a few.

        Raises LimitReached or UnknownResource.
        """
        bond, client = self._request.bond, self._request.client
        if bond is None or not bond.is_sought:
            return await search()
        seeks = self._parts.resources.seeks
        async with seeks.turn(client.id) as is_late:
            if not (is_late and await self._has_moved()):
                self._leave_out_asked(bond.names)
            attempt = await search()
        if attempt is self._missed:
            seeks.note_vain(client.id, bond.names, self._asked, attempt.status)
        elif self._cost and attempt.status < 400:
            seeks.give_back(client.id, self._cost)
        return attempt

    def _leave_out_asked(self, names: Sequence[str]) -> None:
        """Raises UnknownResource when that leaves none."""
        vain = self._parts.resources.seeks.vain(self._request.client.id, names)
        if vain is None:
            return
        snapshot, wish = self._parts.snapshot, self._wish
        for key_id in vain.key_ids:
            key = snapshot.keys.get(key_id)
            wish.tried.update(snapshot.sharing(key_id, "" if key is None else key.project))
        if not self._parts.queue.has_other(wish):
            raise sought_in_vain(names[0], vain.status)

    def missed_before(self, refused: Attempt | None) -> Attempt | None:
        """The answer to relay when no key is left: one that has a quota to wait for may know it."""
        return None if refused is not None and refused.status == 429 else self._missed

    async def goes_on_after(self, attempt: Attempt) -> bool:
        """Then the answer is done with."""
        bond = self._request.bond
        if attempt.status not in MISSED or bond is None:
            return False
        self._asked.append(attempt.key.id)
        if bond.is_sought:
            self._missed = attempt
            goes_on = self._has_next(attempt)
        else:
            goes_on = len(self._asked) == 1 and await self._has_moved()
        if goes_on:
            await attempt.keep()
            self._spend(bond)
        return goes_on

    def _spend(self, bond: Bond) -> None:
        """Raises LimitReached."""
        if bond.is_sought and not self._cost:
            cost = COST_OF_MODEL if self._request.model else COST
            self._parts.resources.seeks.spend(self._request.client.id, cost)
            self._cost = cost

    def _has_next(self, attempt: Attempt) -> bool:
        key, wish = attempt.key, self._wish
        wish.tried.update(self._parts.snapshot.sharing(key.id, key.project))
        return len(self._asked) < MOST_PROJECTS and self._parts.queue.has_other(wish)

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
