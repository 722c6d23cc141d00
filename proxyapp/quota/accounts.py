"""The accounts of a process: which ones a request with a key for a quota scope is taken from."""

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.features import plain_scope
from proxyapp.quota.account import Account
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.share_grants import Place

# Clients name models. Of those that are in use beyond nothing is kept: no provider has so many.
MOST_MODELS = 500
MOST_PLACES = 200_000
# No endpoint (`/batches`), and no call of a model with a quota of its own (`model:countTokens`).
MODEL = re.compile(r"[\w.@-][\w.@/-]{0,99}", re.ASCII)


class Book(Protocol):
    """`LimitBook`."""

    @property
    def is_empty(self) -> bool: ...

    def of(self, key: PoolKey, model: str) -> tuple[Limit, ...]:
        """Of the key's owners, for the model; of what is under way for an empty one, too."""


class Accounts:
    """`by_place`: all of them. `make`: of a limit that has none yet."""

    def __init__(
        self, book: Book, make: Callable[[Limit], Account], clock: Callable[[], float]
    ) -> None:
        self.book = book
        self.by_place: dict[Place, Account] = {}
        self._make = make
        self._clock = clock
        self._of: dict[tuple[int, str], tuple[Account, ...]] = {}
        self._models: set[str] = set()

    def install(self, book: Book) -> None:
        """Another book: what is used stays used."""
        self.book = book
        self._of.clear()

    def of(self, key: PoolKey, quota_scope: str) -> tuple[Account, ...]:
        """Those of the key for the scope; made when they are first asked for."""
        place = key.id, quota_scope
        found = self._of.get(place)
        if found is None:
            if len(self._of) >= MOST_PLACES:
                self._of.clear()
            found = self._of[place] = tuple(self._found(key, quota_scope))
        return found

    def _found(self, key: PoolKey, quota_scope: str) -> Iterator[Account]:
        for limit in self.book.of(key, self.model_of(quota_scope)):
            place = limit.owner, limit.model, limit.meter
            account = self.by_place.get(place)
            if account is None:
                account = self.by_place[place] = self._make(limit)
            elif account.limit != limit:
                account.change(limit)
            yield account

    def model_of(self, quota_scope: str) -> str:
        """Empty for what is no model, or one too many."""
        model = plain_scope(quota_scope)
        if not MODEL.fullmatch(model):
            return ""
        if model not in self._models:
            if len(self._models) >= MOST_MODELS and not self._make_room():
                return ""
            self._models.add(model)
        return model

    def _make_room(self) -> bool:
        """Forgets the models of which nothing is used; made-up ones, say."""
        unused = [
            place
            for place, account in self.by_place.items()
            if account.limit.model and not account.use.used(self._clock()) and not account.is_asking
        ]
        for place in unused:
            del self.by_place[place]
        self._models = {model for _, model, _ in self.by_place if model}
        self._of.clear()
        return len(self._models) < MOST_MODELS
