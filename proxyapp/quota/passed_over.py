"""Keys that are passed over because a limit of theirs has no room, until it has."""

from collections.abc import Callable, Collection

from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.account import Account
from proxyapp.quota.owners import GROUP, keys_of
from proxyapp.quota.pacific_days import day_ends_at

# To pass over so many takes milliseconds: of a larger group each request finds out for itself.
MOST_KEYS = 500


def is_wide(snapshot: Snapshot, account: Account) -> bool:
    """Whether it is of a group with very many keys."""
    owner = account.limit.owner
    return owner.startswith(GROUP) and len(keys_of(snapshot, owner)) > MOST_KEYS


class PassedOver:
    """Holds of several limits may last for one key: the latest counts."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._by_key: dict[tuple[int, str], list[Account]] = {}

    def hold(self, account: Account, until: float, now: float) -> None:
        account.held_until = until
        limit = account.limit
        if is_wide(self._snapshot, account):
            return
        is_daily = account.is_of_day and until >= day_ends_at(now)
        for key_id in keys_of(self._snapshot, limit.owner):
            others = self._others(key_id, account, now)
            self._by_key[key_id, limit.model] = [*others, account]
            latest = max([until, *(each.held_until for each in others)])
            self._snapshot.hold([key_id], limit.model, latest, is_daily=is_daily)

    def lift(self, account: Account, now: float) -> None:
        account.held_until = 0.0
        model = account.limit.model
        if is_wide(self._snapshot, account):
            return
        for key_id in keys_of(self._snapshot, account.limit.owner):
            others = self._others(key_id, account, now)
            if others:
                self._by_key[key_id, model] = others
                self._snapshot.hold([key_id], model, max(each.held_until for each in others))
            else:
                self._by_key.pop((key_id, model), None)
                self._snapshot.lift([key_id], model)

    def _others(self, key_id: int, account: Account, now: float) -> list[Account]:
        """That pass the key over, too, for the same scope."""
        found = self._by_key.get((key_id, account.limit.model), ())
        return [each for each in found if each is not account and each.held_until > now]

    def hold_again(
        self,
        snapshot: Snapshot,
        touched: Collection[int] | None,
        is_valid: Callable[[Account], bool],
        now: float,
    ) -> None:
        """In new rings. `touched`: whose holds these have forgotten; None: all."""
        self._snapshot = snapshot
        held = {id(each): each for some in self._by_key.values() for each in some}
        if touched is None:
            self._by_key.clear()
        for account in [each for each in held.values() if each.held_until > now]:
            keys = keys_of(snapshot, account.limit.owner)
            if touched is not None and not any(key_id in touched for key_id in keys):
                continue
            if is_valid(account):
                self.hold(account, account.held_until, now)
            else:
                self.lift(account, now)
