"""Whom a conversation meets: each owner as many, always the same, and few others after a change."""

import random
import timeit
from collections import Counter
from itertools import islice

import pytest

from proxyapp.pool.rendezvous import FEW, Rendezvous

CHANCE = random.Random(7)
CONVERSATIONS = [CHANCE.getrandbits(64) for _ in range(20_000)]


def circle(size: int, **more: int) -> Rendezvous:
    return Rendezvous({f"project:{number}": 1 for number in range(size)} | more)


def firsts(rendezvous: Rendezvous) -> list[str]:
    return [next(rendezvous.met(each)) for each in CONVERSATIONS]


@pytest.mark.parametrize("size", [2, 3, 20])
def test_each_is_met_by_as_many(size: int):
    met = Counter(firsts(circle(size)))

    expected = len(CONVERSATIONS) / size
    assert all(abs(count - expected) < 0.12 * expected for count in met.values())


def test_who_has_two_places_is_met_by_twice_as_many():
    met = Counter(firsts(circle(4, heavy=2)))

    assert met["heavy"] == pytest.approx(len(CONVERSATIONS) / 3, rel=0.1)


@pytest.mark.parametrize("size", [20, FEW, 1000])
def test_one_who_comes_takes_its_share_and_moves_nothing_else(size: int):
    before, after = firsts(circle(size)), firsts(circle(size, newcomer=1))

    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    share = len(CONVERSATIONS) / (size + 1)
    assert 0.3 * share < len(moved) < 1.7 * share
    assert moved.count("newcomer") >= 0.98 * len(moved)


def test_the_order_of_the_owners_says_nothing():
    owners = [f"project:{number}" for number in range(12_000)]
    shuffled = CHANCE.sample(owners, len(owners))

    one, other = (Rendezvous(dict.fromkeys(each, 1)) for each in (owners, shuffled))

    assert firsts(one) == firsts(other)


def test_all_are_met_each_once_and_the_next_is_anyones():
    rendezvous = circle(20)
    seconds: Counter[str] = Counter()
    for conversation in CONVERSATIONS:
        met = list(rendezvous.met(conversation))
        assert len(met) == len(set(met)) == 20
        if met[0] == "project:0":
            seconds[met[1]] += 1
    assert len(seconds) == 19
    assert max(seconds.values()) < 2.5 * sum(seconds.values()) / 19


def test_few_and_many_are_met_in_the_same_order():
    rendezvous = circle(FEW)
    for conversation in CONVERSATIONS[:50]:
        few = list(islice(rendezvous.met(conversation), 3))
        start, stretch = conversation % 32_749, conversation // 32_749 % 32_748 + 1
        walked = rendezvous._met_of_many(start, pow(stretch, -1, 32_749))
        assert list(islice(walked, 3)) == few


def test_nobody_is_met_where_nobody_is():
    assert list(Rendezvous({}).met(1)) == []


@pytest.mark.parametrize("size", [20, FEW, FEW + 1, 10_000])
def test_it_takes_microseconds_however_many_there_are(size: int):
    rendezvous = circle(size)

    def meet() -> None:
        for each in CONVERSATIONS[:200]:
            next(rendezvous.met(each))

    assert min(timeit.repeat(meet, number=1, repeat=20)) / 200 < 60e-6


def test_one_that_grew_is_what_all_of_them_make():
    owners = {f"project:{number}": 1 for number in range(9000)}
    grown = Rendezvous(dict(list(owners.items())[4000:])).with_owners(owners | {"project:1": 3})

    assert firsts(grown) == firsts(Rendezvous(owners | {"project:1": 3}))
    assert firsts(grown.with_owners(owners)) == firsts(Rendezvous(owners))
    assert grown.with_owners(owners | {"project:1": 3}) is grown
