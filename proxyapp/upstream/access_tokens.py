"""Access tokens of service accounts: minted on a thread, kept in memory, renewed before they end.

A request waits for one only while there is none yet.
"""

import asyncio
import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.upstream.token_minting import MintedToken, NoToken, TokenWay, mint
from proxyapp.vocabulary.in_task import time_limit

# Google's last an hour. One that lasts less is renewed when half of it is over.
RENEWED_SECONDS_BEFORE = 300.0
# The endpoint is not asked all the time, whatever it says.
SHORTEST_RENEWED_SECONDS = 20.0
# A client waits: as long as for a connection.
LONGEST_WAIT_SECONDS = 10.0
# Whoever comes within that after a failure is told the same.
FAILURE_SECONDS = 5.0
AT_ONCE = 2


@dataclass(slots=True)
class HeldToken:
    """`key`: `account` with the token for its secret. `good_until`: by the monotonic clock."""

    account: PoolKey
    key: PoolKey
    good_until: float
    is_used: bool = False
    renewal: asyncio.TimerHandle | None = None


class AccessTokens:
    """One question for each account at a time; bound to the event loop of its upstreams."""

    def __init__(self, way: TokenWay) -> None:
        self._way = way
        self._held: dict[str, HeldToken] = {}
        self._failed: dict[str, tuple[NoToken, float]] = {}
        self._minting: dict[str, asyncio.Task[HeldToken]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def present(self, key: PoolKey) -> PoolKey | None:
        """The key as a request shows it; None: it has no token."""
        held = self._held.get(_name(key))
        if held is None or held.good_until <= time.monotonic():
            return None
        held.is_used = True
        if held.account is not key:  # the pool was read anew
            held.account, held.key = key, _showing(key, held.key.secret)
        return held.key

    async def signed(self, key: PoolKey) -> PoolKey:
        """Waits for a token where there is none. Raises NoToken."""
        if (present := self.present(key)) is not None:
            return present
        failure, until = self._failed.get(_name(key), (None, 0.0))
        if failure is not None and time.monotonic() < until:
            raise failure
        task = self._minting_of(key)
        try:
            async with time_limit(LONGEST_WAIT_SECONDS):
                held = await asyncio.shield(task)
        except TimeoutError:
            raise NoToken(f"no access token came within {LONGEST_WAIT_SECONDS:g} s") from None
        held.is_used = True
        return held.key

    def forget(self, signed: PoolKey) -> None:
        """A token that was refused. One that is newer stays."""
        held = self._held.get(_name(signed))
        if held is not None and held.key.secret == signed.secret:
            self._drop(_name(signed))

    async def aclose(self) -> None:
        for name in list(self._held):
            self._drop(name)
        for task in list(self._minting.values()):
            task.cancel()
        await asyncio.gather(*self._minting.values(), return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def _minting_of(self, key: PoolKey) -> asyncio.Task[HeldToken]:
        name = _name(key)
        task = self._minting.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._mint(key))
            self._minting[name] = task
            task.add_done_callback(lambda done: self._end(name, done))
        return task

    def _end(self, name: str, task: asyncio.Task[HeldToken]) -> None:
        """Also of one that nobody waits for any more."""
        self._minting.pop(name, None)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, NoToken):
            self._failed[name] = (error, time.monotonic() + FAILURE_SECONDS)

    async def _mint(self, key: PoolKey) -> HeldToken:
        loop = asyncio.get_running_loop()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, "access-token")
        minted: MintedToken = await loop.run_in_executor(self._threads, mint, key, self._way, loop)
        name = _name(key)
        self._drop(name)
        self._failed.pop(name, None)
        held = HeldToken(key, _showing(key, minted.token), time.monotonic() + minted.seconds)
        if minted.seconds >= SHORTEST_RENEWED_SECONDS:
            lead = min(RENEWED_SECONDS_BEFORE, minted.seconds / 2)
            held.renewal = loop.call_later(minted.seconds - lead, self._renew, held)
        self._held[name] = held
        return held

    def _renew(self, held: HeldToken) -> None:
        """Unless nobody used it. What fails now is tried again when it has ended."""
        if held.is_used:
            self._minting_of(held.account)

    def _drop(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None and held.renewal is not None:
            held.renewal.cancel()


def _showing(key: PoolKey, token: str) -> PoolKey:
    return dataclasses.replace(key, secret=token)


def _name(key: PoolKey) -> str:
    """Of the account as it is stored, wherever it stands."""
    return f"{key.id} {key.key_hash}"
