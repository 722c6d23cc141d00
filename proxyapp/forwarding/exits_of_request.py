"""What one request makes of exits that fail: it goes on by others, but not by all of them."""

import contextlib
from collections.abc import Iterator

from proxyapp.forwarding.attempt import Attempt
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.pool.exits import Exits
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.wish import KeyWish, Turn
from proxyapp.upstream.token_minting import NoToken
from proxyapp.upstream.upstreams import is_of_exit
from proxyapp.vocabulary.errors import GatewayError, ProxyFailed

# One exit may be broken, and another; where three in a row lead nowhere it is the target.
MOST_FAILED_EXITS = 3


class ExitsOfRequest:
    def __init__(self, exits: Exits, wish: KeyWish) -> None:
        self._exits = exits
        self._wish = wish
        self._failed = 0

    async def next_turn(self, queue: KeyQueue, *, may_wait: bool) -> Turn | None:
        with self._lost_left_out():
            turn = await queue.next(self._wish, may_wait=may_wait)
        if turn is None and self._may_try_any():
            turn = await queue.next(self._wish, may_wait=False)
        return turn

    @contextlib.contextmanager
    def _lost_left_out(self) -> Iterator[None]:
        """Groups whose exits all fail: not key by key, for there may be thousands."""
        lost = frozenset() if self._exits.is_idle else self._exits.lost_groups()
        lost -= self._wish.failed_groups
        self._wish.failed_groups |= lost
        try:
            yield
        finally:
            self._wish.failed_groups -= lost

    def _may_try_any(self) -> bool:
        """Nothing is left but exits that fail: rather one of them, once, than no answer."""
        if self._failed or self._wish.exits is None or self._exits.is_idle:
            return False
        self._wish.exits = None
        return True

    def leads_on_after(self, error: GatewayError, key: PoolKey) -> bool:
        """Whether the next one may be a key of another exit of the same group."""
        if not key.group.has_exit or not is_of_exit(error) or self._wish.exits is None:
            return False
        self._wish.tried.add(key.id)
        self._failed += 1
        return self._failed < MOST_FAILED_EXITS


def raise_if_of_exit(refusal: NoToken, attempt: Attempt, exits: Exits) -> None:
    """An exit that did not lead to the endpoint of an account's tokens tells nothing of the
    account. Raises GatewayError.
    """
    unreached, group = refusal.unreached, attempt.key.group
    if unreached is None or not group.has_exit or not is_of_exit(unreached):
        return
    if isinstance(unreached, ProxyFailed):
        exits.failed(group, unreached.message)
    attempt.end(AttemptOutcome.of_status(unreached.status))
    raise unreached
