"""The keys of one class, in their order, and what it takes to make others of them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolKey


class Cut(NamedTuple):
    """Before `offset` of a class's keys come these; then as many as `gone` are left out."""

    offset: int
    gone: int
    keys: list[PoolKey]


class Members:
    """Others of them are other members; only what a key is now may take its place."""

    def __init__(self, keys: list[PoolKey], key_ids: Sequence[int]) -> None:
        self.keys = keys
        self.key_ids = tuple(key_ids)

    def find(self, key: PoolKey) -> int:
        """Most groups are numbered without gaps. -1: it is not there."""
        keys, index = self.keys, key.position
        if index >= len(keys) or keys[index].id != key.id:
            index = bisect_left(keys, _order(key), key=_order)
        return index if index < len(keys) and keys[index].id == key.id else -1

    def cut(self, cuts: Iterable[Cut]) -> "Members":
        keys: list[PoolKey] = []
        key_ids: list[int] = []
        at = 0
        for offset, gone, new in cuts:
            keys += self.keys[at:offset]
            keys += new
            key_ids += self.key_ids[at:offset]
            key_ids += [key.id for key in new]
            at = offset + gone
        keys += self.keys[at:]
        key_ids += self.key_ids[at:]
        return Members(keys, key_ids)

    def cuts(self, gone: Iterable[PoolKey], new: Iterable[PoolKey]) -> list[Cut]:
        """What it takes to leave these out, and to put in those."""
        found = [Cut(self.find(key), 1, []) for key in gone]
        found += [
            Cut(bisect_left(self.keys, _order(key), key=_order), 0, [key])
            for key in sorted(new, key=_order)
        ]
        return sorted(found, key=_offset_and_gone)


def members_of(keys: list[PoolKey]) -> Members:
    """`keys` in their order."""
    return Members(keys, [key.id for key in keys])


def cut_bytes(before: bytearray, cuts: Iterable[Cut]) -> bytearray:
    """A byte for each of the members: those of new ones are 0."""
    found, at = bytearray(), 0
    for offset, gone, new in cuts:
        found += before[at:offset]
        found += bytes(len(new))
        at = offset + gone
    found += before[at:]
    return found


def _order(key: PoolKey) -> tuple[int, int]:
    return key.position, key.id


def _offset_and_gone(cut: Cut) -> tuple[int, int]:
    return cut.offset, cut.gone
