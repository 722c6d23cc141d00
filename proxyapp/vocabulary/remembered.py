"""What was made of short bytes that come again and again, such as the paths of requests."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

Made = TypeVar("Made")

MOST: Final = 512
# What strangers make up takes no more memory than this: MOST of so many bytes each.
LONGEST_BYTES: Final = 256


def remembered(make: Callable[[bytes], Made]) -> Callable[[bytes], Made]:
    """`make` of the bytes, kept for those that were asked for lately: at least half of MOST."""
    return Memo(make)


class Memo(Generic[Made]):
    """Once the new ones are half of MOST they become the old ones, whose place they take: nothing
    has to be noted of one that is asked for again.
    """

    def __init__(self, make: Callable[[bytes], Made]) -> None:
        self._make = make
        self._new: dict[bytes, Made] = {}
        self._old: dict[bytes, Made] = {}

    def __call__(self, data: bytes) -> Made:
        if len(data) > LONGEST_BYTES:
            return self._make(data)
        if data in self._new:
            return self._new[data]
        made = self._old[data] if data in self._old else self._make(data)
        if len(self._new) >= MOST // 2:
            self._old, self._new = self._new, {}
        self._new[data] = made
        return made
