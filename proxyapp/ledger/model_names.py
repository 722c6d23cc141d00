"""Which models are counted by name. To an upstream that takes any name a client could name endless
ones: what is beyond a bound counts together, as OTHERS.
"""

from proxyapp.ledger.usage import HOUR_SECONDS
from proxyapp.vocabulary.durations import DAY_SECONDS

OTHERS = "others"
# Google's list has some 60. A client's own bound is lower, so that one alone does not take the
# names of a key from all.
MOST_OF_CLIENT = 64
MOST_OF_KEY = 128
# They take no place from those that the client may use.
MOST_REFUSED_OF_CLIENT = 16
# Nor do those of requests that came to nothing, which may be for any name.
MOST_FAILED_OF_CLIENT = 32


class ModelNames:
    """What one process has counted by name in this hour, and for clients in this day of UTC."""

    def __init__(self) -> None:
        self._of_keys = NamesOfPeriod(HOUR_SECONDS, MOST_OF_KEY)
        self._of_clients = NamesOfPeriod(DAY_SECONDS, MOST_OF_CLIENT)
        self._refused = NamesOfPeriod(DAY_SECONDS, MOST_REFUSED_OF_CLIENT)
        self._failed = NamesOfPeriod(DAY_SECONDS, MOST_FAILED_OF_CLIENT)

    def of_key(self, key_id: int, model: str, now: float) -> str:
        return self._of_keys.known(key_id, model, now)

    def of_client(self, token_id: int, model: str, now: float) -> str:
        return self._of_clients.known(token_id, model, now)

    def of_failed(self, token_id: int, model: str, now: float) -> str:
        """As `of_client`, for a request that no good answer bears out."""
        if self._of_clients.has(token_id, model, now):
            return model
        return self._failed.known(token_id, model, now)

    def of_refused(self, token_id: int, asked: str, now: float) -> str:
        """Without a name it is one of the others: none at all is for what a limit refused."""
        return self._refused.known(token_id, asked or OTHERS, now)


class NamesOfPeriod:
    """The first names of each owner; a new period begins without any."""

    def __init__(self, seconds: int, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._number = 0
        self._names: dict[int, set[str]] = {}

    def has(self, owner: int, name: str, now: float) -> bool:
        return name in self._of_now(now).get(owner, ())

    def known(self, owner: int, name: str, now: float) -> str:
        """The name, or OTHERS when its owner has enough. A clock that is set back begins anew."""
        of_now = self._of_now(now)
        names = of_now.get(owner)
        if names is None:
            names = of_now[owner] = set()
        if not name or name in names:
            return name
        if len(names) >= self._most:
            return OTHERS
        names.add(name)
        return name

    def _of_now(self, now: float) -> dict[int, set[str]]:
        number = int(now) // self._seconds
        if number != self._number:
            self._number = number
            self._names = {}
        return self._names
