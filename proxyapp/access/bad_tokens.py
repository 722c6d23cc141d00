"""Slows down who tries one bad token after the other.

By address, in bounded memory, and never those with a good one.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxyapp.access.client_address import TrustedProxies
from proxyapp.vocabulary.addresses import network_of
from proxyapp.vocabulary.errors import TooManyBadTokens

logger = logging.getLogger(__name__)
# A token has 256 random bits: nobody guesses one. The limits spare the work and the connections
# that programs with an old token cost which ask again and again.
WINDOW_SECONDS = 60.0
FREE_FAILURES = 10
MOST_FAILURES = 100
PAUSE_SECONDS = 1.0
# Bounds of memory, and of the connections that pauses hold open at once.
MOST_ADDRESSES = 4096
MOST_WAITING = 256


@dataclass(slots=True)
class Failures:
    since: float
    count: int = 0


class Slowdown:
    """Belongs to one event loop. `of`: whose tokens, in the words of the log and of the answer."""

    def __init__(self, trusted: TrustedProxies, of: str = "client tokens") -> None:
        self._trusted = trusted
        self._of = of
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._waiting = 0

    async def failed(self, scope: Mapping[str, Any]) -> None:
        """Returns when the answer may go out. Raises TooManyBadTokens when it shall be another."""
        now = time.monotonic()
        address = str(self._trusted.client(scope) or "")
        failures = self._note(network_of(address), now)
        if failures.count <= FREE_FAILURES:
            return
        if failures.count == FREE_FAILURES + 1:
            logger.warning("Bad %s from %s: answers to them are slowed down", self._of, address)
        if failures.count > MOST_FAILURES or self._waiting >= MOST_WAITING:
            wait = max(1, math.ceil(failures.since + WINDOW_SECONDS - now))
            raise TooManyBadTokens(
                f"Too many bad {self._of}; try again in {wait} s.", retry_after=wait
            )
        self._waiting += 1
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._waiting -= 1

    def _note(self, network: str, now: float) -> Failures:
        failures = self._failures.get(network)
        if failures is None or now - failures.since >= WINDOW_SECONDS:
            failures = self._failures[network] = Failures(now)
        failures.count += 1
        self._failures.move_to_end(network)
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        return failures
