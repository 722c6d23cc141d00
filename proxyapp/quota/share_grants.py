"""How much of a limit a process gets, by what the others hold of it. Pure."""

from typing import NamedTuple

from proxyapp.vocabulary.limits import Meter

OF_DAY = frozenset({Meter.REQUESTS_PER_DAY, Meter.TOKENS_PER_DAY})
# A process that has others beside it fetches a limit in so many times as many pieces as there are.
PIECES = 2


Place = tuple[str, str, str]
"""An owner, a model and a meter."""


class Ask(NamedTuple):
    """`used`: what the process cannot give back of its share. `needed`: so much beyond that."""

    owner: str
    model: str
    meter: Meter
    number: int
    used: int
    needed: int


class Known(NamedTuple):
    """`others`: what other processes hold. `written`: what is used of the day by the database."""

    others: int = 0
    written: int = 0


class ShareGrant(NamedTuple):
    """`capacity`: the process's share from now on. `elsewhere`: what is no part of it and not left.

    `is_all`: there is no more now; `is_final`: nor will anything come back in this window.
    """

    capacity: int
    elsewhere: int
    is_all: bool
    is_final: bool


def granted(ask: Ask, known: Known, holders: int) -> ShareGrant:
    """The shares of all processes stay within the limit; who is alone gets what is left.

    What is used already is never taken back, also where that is more than the limit.
    """
    elsewhere = known.others + known.written
    left = max(ask.number - elsewhere, 0)
    wanted = left
    if holders > 1:
        wanted = ask.used + max(ask.needed, -(-ask.number // (PIECES * holders)))
    capacity = max(min(wanted, left), min(ask.used, ask.number))
    is_settled = not known.others and not (ask.used and ask.meter in OF_DAY)
    return ShareGrant(capacity, elsewhere, is_all=capacity >= left, is_final=is_settled)
