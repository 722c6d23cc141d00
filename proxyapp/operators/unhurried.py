"""What a page works out of many rows, in a process that answers requests meanwhile."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Thing = TypeVar("Thing")

# About a millisecond's work, after which those who wait for the interpreter have it: each of a
# request's steps would wait 5 ms for a thread that never rests.
PIECES = 100
PAUSE_SECONDS = 0.001


def unhurried(things: Iterable[Thing]) -> Iterator[Thing]:
    for count, thing in enumerate(things, start=1):
        yield thing
        if count % PIECES == 0:
            time.sleep(PAUSE_SECONDS)
