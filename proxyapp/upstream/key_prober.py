"""Asks the provider about keys that a request's refusal speaks against, once for all who want to
know.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult

ANSWER_SECONDS = 30.0
# Doubled each time, because each look is a transaction.
FIRST_LOOK_SECONDS = 0.1
MOST_LOOK_SECONDS = 1.6
PATIENCE_SECONDS = 12.0  # a process that asks takes 10 s at most
MOST_KNOWN = 10_000

Ask = Callable[[PoolKey], Awaitable[ProbeResult]]


class AnswerExchange(Protocol):
    """What the processes tell each other. Neither method raises: alone, a process asks itself."""

    async def claim(self, key: PoolKey) -> tuple[bool, ProbeOutcome | None]:
        """Whether this process asks, and else what is known; None: another is asking."""

    async def settle(self, key: PoolKey, result: ProbeResult) -> None:
        """Tells the others."""


class KnownOutcome(NamedTuple):
    outcome: ProbeOutcome
    at: float


class KeyProber:
    """One question about a key at a time; its answer holds for ANSWER_SECONDS."""

    def __init__(self, ask: Ask, shared: AnswerExchange) -> None:
        self._ask = ask
        self._shared = shared
        self._known: dict[tuple[int, str], KnownOutcome] = {}
        self._asking: dict[tuple[int, str], asyncio.Task[ProbeOutcome]] = {}

    async def outcome(self, key: PoolKey) -> ProbeOutcome:
        """Whoever asks may leave: the question goes on for the others."""
        name = (key.id, key.key_hash)
        known = self._known.get(name)
        if known is not None and time.monotonic() - known.at < ANSWER_SECONDS:
            return known.outcome
        task = self._asking.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._find_out(key))
            self._asking[name] = task
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(task)

    async def ask_anew(self, key: PoolKey) -> ProbeResult:
        """Whatever is known; for a key whose time has come."""
        result = await self._ask(key)
        self._remember(key, result.outcome)
        await self._shared.settle(key, result)
        return result

    async def _find_out(self, key: PoolKey) -> ProbeOutcome:
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = FIRST_LOOK_SECONDS
        while True:
            is_mine, outcome = await self._shared.claim(key)
            if is_mine:
                return (await self.ask_anew(key)).outcome
            if outcome is not None:
                self._remember(key, outcome)
                return outcome
            if time.monotonic() > deadline:
                return ProbeOutcome.INCONCLUSIVE
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_LOOK_SECONDS)

    def _remember(self, key: PoolKey, outcome: ProbeOutcome) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key.id, key.key_hash] = KnownOutcome(outcome, time.monotonic())

    async def aclose(self) -> None:
        """Ends the questions under way."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
