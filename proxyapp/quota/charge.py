"""What a request took of limits; it ends exactly once."""

from collections.abc import Callable
from typing import Protocol

from proxyapp.provider.llm_tokens import NONE, LlmTokens
from proxyapp.quota.account import Account
from proxyapp.quota.meters import Taken


class Keeping(Protocol):
    clock: Callable[[], float]

    def eased(self, account: Account, now: float) -> None:
        """Something of it came back."""


class LimitCharge:
    """Later ends of it mean nothing."""

    __slots__ = ("_keeper", "_parts")

    def __init__(self, keeper: Keeping | None) -> None:
        self._keeper = keeper
        self._parts: list[tuple[Account, Taken, int]] = []

    def add(self, account: Account, taken: Taken, amount: int) -> None:
        self._parts.append((account, taken, amount))

    def end(self, llm_tokens: LlmTokens = NONE, *, is_counted: bool = True) -> None:
        """`is_counted`: the provider takes it from its quota, as it does not what it refused, or
        found wrong: else requests that cost a client nothing would use up what others need.

        Where the answer does not tell its input (a client may leave that out), the estimate stays.
        """
        if not is_counted:
            self.cancel()
            return
        for account, taken, amount in self._take_parts():
            final = amount
            if account.counts_llm_tokens and llm_tokens.prompt:
                final = llm_tokens.prompt + (llm_tokens.output if account.is_of_day else 0)
            self._end(account, taken, amount, final)

    def cancel(self) -> None:
        """It was never sent, or does not count."""
        for account, taken, amount in self._take_parts():
            self._end(account, taken, amount, 0)

    def _take_parts(self) -> list[tuple[Account, Taken, int]]:
        parts, self._parts = self._parts, []
        return parts

    def _end(self, account: Account, taken: Taken, amount: int, final: int) -> None:
        keeper = self._keeper
        if keeper is None:
            return
        if final != amount:
            account.use.correct(taken, final - amount)
        now = keeper.clock()
        account.use.end(taken, final, now)
        if account.held_until:
            keeper.eased(account, now)


FREE = LimitCharge(None)
"""Of a key without limits."""
