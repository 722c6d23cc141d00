"""How much of a limit a process gets."""

import random

from proxyapp.quota.share_grants import Ask, Known, ShareGrant, granted
from proxyapp.vocabulary.limits import Meter

MINUTE, DAY = Meter.REQUESTS_PER_MINUTE, Meter.REQUESTS_PER_DAY


def ask(meter: Meter, number: int, used: int = 0, needed: int = 1) -> Ask:
    return Ask("project:alpha", "gemini-2.5-pro", meter, number, used, needed)


def test_who_is_alone_gets_all_that_is_left() -> None:
    assert granted(ask(MINUTE, 10), Known(), 1) == ShareGrant(10, 0, is_all=True, is_final=True)
    assert granted(ask(DAY, 250), Known(written=40), 1) == ShareGrant(
        210, 40, is_all=True, is_final=True
    )


def test_several_processes_leave_something_for_each_other() -> None:
    first = granted(ask(MINUTE, 10), Known(), 2)
    second = granted(ask(MINUTE, 10), Known(others=first.capacity), 2)
    assert first.capacity + second.capacity <= 10
    assert second.capacity >= 3
    assert not first.is_all


def test_what_is_used_is_never_taken_back() -> None:
    """Even where others hold more than there is, as after an outage."""
    assert granted(ask(MINUTE, 10, used=6), Known(others=9), 2).capacity == 6


def test_of_a_day_something_may_come_back_that_is_not_written_down_yet() -> None:
    found = granted(ask(DAY, 10, used=4, needed=1), Known(written=6), 1)
    assert found == ShareGrant(4, 6, is_all=True, is_final=False)
    assert granted(ask(DAY, 10), Known(written=10), 1).is_final


def test_a_limit_that_was_lowered_below_what_is_used_gives_nothing_more() -> None:
    assert granted(ask(MINUTE, 5, used=9), Known(), 1).capacity == 5


def test_the_shares_of_all_processes_stay_within_the_limit() -> None:
    chance = random.Random(3)
    for _ in range(200):
        number, processes = chance.randint(1, 40), chance.randint(1, 6)
        capacity, used = [0] * processes, [0] * processes
        for _ in range(100):
            at = chance.randrange(processes)
            others = sum(capacity) - capacity[at]
            wish = ask(MINUTE, number, used[at], chance.randint(1, 5))
            capacity[at] = granted(wish, Known(others), processes).capacity
            assert sum(capacity) <= number
            used[at] = chance.randint(0, capacity[at])
