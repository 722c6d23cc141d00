"""Where shares of limits come from, as the keeper sees it."""

from collections.abc import Awaitable
from typing import Protocol

from proxyapp.quota.account import Account


class Asks(Protocol):
    """`QuotaLeases`."""

    def ask(self, account: Account) -> None:
        """For more of it; `QuotaKeeper.granted` hears the answer."""

    def more(self) -> Awaitable[bool]:
        """Waits for what was asked for; False: nothing was."""


class NobodyAsks:
    """Before there are leases."""

    def ask(self, account: Account) -> None:
        """No answer comes."""

    async def more(self) -> bool:
        return False
