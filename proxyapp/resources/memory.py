"""The resources that one process has in memory: those of the names that were asked for last."""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from proxyapp.resources.known import KnownResource, ResourceChange

# With names as APIs give them out some 400 bytes each.
MOST_KEPT = 20_000
# While the database is away, what waits in the spool is known from here only.
MOST_UNWRITTEN = 100_000


@dataclass(frozen=True, slots=True)
class KeptResources:
    """All that there were of a name, the newest first, when the database was asked last.

    `read_at`: by the monotonic clock; -inf: it was not asked, and there may be others.
    """

    rows: Sequence[KnownResource]
    read_at: float


class ResourceMemory:
    """Bounded by rows: what was not asked for the longest goes."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, KeptResources] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def get(self, name: str) -> KeptResources | None:
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
        return kept

    def put(self, name: str, rows: Sequence[KnownResource], read_at: float) -> None:
        """A name without resources is not kept: another process may make one at any moment."""
        if (before := self._kept.pop(name, None)) is not None:
            self._size -= len(before.rows)
        if rows:
            self._kept[name] = KeptResources(rows, read_at)
            self._size += len(rows)
        while self._size > self._most:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone.rows)

    def take(self, change: ResourceChange) -> None:
        kept = self._kept.get(change.resource.name)
        rows, read_at = ((), float("-inf")) if kept is None else (kept.rows, kept.read_at)
        self.put(change.resource.name, with_changes(rows, [change]), read_at)


class UnwrittenChanges:
    """What a read of the database may not know yet, by name and key."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, int], ResourceChange] = {}
        self._of_name: dict[str, dict[int, ResourceChange]] = {}

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, changes: Iterable[ResourceChange]) -> None:
        for change in changes:
            name, key_id = change.place
            self._changes.pop(change.place, None)
            self._changes[change.place] = change
            self._of_name.setdefault(name, {})[key_id] = change
        for change in list(islice(self._changes.values(), max(0, len(self) - MOST_UNWRITTEN))):
            self._drop(change)

    def remove(self, changes: Iterable[ResourceChange]) -> None:
        """Where nothing newer has taken their place."""
        for change in changes:
            if self._changes.get(change.place) is change:
                self._drop(change)

    def _drop(self, change: ResourceChange) -> None:
        name, key_id = change.place
        del self._changes[change.place]
        del self._of_name[name][key_id]
        if not self._of_name[name]:
            del self._of_name[name]

    def clear(self) -> None:
        self._changes.clear()
        self._of_name.clear()

    def of(self, name: str) -> list[ResourceChange]:
        return list(self._of_name.get(name, {}).values())


def with_changes(
    rows: Sequence[KnownResource], changes: Sequence[ResourceChange]
) -> Sequence[KnownResource]:
    """The newest first; later changes are newer, and those that have expired take theirs away."""
    if not changes:
        return tuple(rows)
    newer: dict[int, KnownResource] = {}
    for change in reversed(changes):
        newer.setdefault(change.resource.key_id, change.resource)
    made = [known for known in newer.values() if known.expires_at]
    return (*made, *(known for known in rows if known.key_id not in newer))


def existing(rows: Sequence[KnownResource]) -> Sequence[KnownResource]:
    now = time.time()
    return tuple([known for known in rows if known.expires_at > now])
