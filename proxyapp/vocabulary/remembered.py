"""What was made of short bytes that come again and again, such as the paths of requests."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Made = TypeVar("Made")

MOST = 512
# What strangers make up takes no more memory than this: MOST of so many bytes each.
LONGEST_BYTES = 256


def remembered(make: Callable[[bytes], Made]) -> Callable[[bytes], Made]:
    """`make` of the bytes, kept for the MOST that were asked for last."""
    kept = lru_cache(MOST)(make)

    def made(data: bytes) -> Made:
        return kept(data) if len(data) <= LONGEST_BYTES else make(data)

    return made
