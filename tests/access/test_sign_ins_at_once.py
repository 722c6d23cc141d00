"""Log-ins at the same time lock their counters in one order: no deadlock."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection

from proxyapp.access.sign_in_limits import Guess, LockedOut, admit_guess, succeeded
from proxyapp.ledger.retention import prune_batch
from proxyapp.models import SignInCount

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROUNDS = 25
ADDRESSES = ("203.0.113.7", "198.51.100.9", "192.0.2.1")
NAMES = ("root", "ops")
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(works: list[Callable[[int], None]]) -> list[DatabaseError]:
    """Each work on a thread of its own, ROUNDS times; what the database refused."""
    refused: list[DatabaseError] = []
    start = threading.Barrier(len(works))

    def repeat(work: Callable[[int], None]) -> None:
        start.wait(30)
        for number in range(ROUNDS):
            try:
                work(number)
            except LockedOut:
                pass
            except DatabaseError as error:
                refused.append(error)
        connection.close()

    threads = [threading.Thread(target=repeat, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return refused


def guess(chance: random.Random) -> Guess:
    return Guess("password", chance.choice(NAMES), chance.choice(ADDRESSES))


def fail(chance: random.Random) -> Callable[[int], None]:
    return lambda number: admit_guess(guess(chance), NOW + timedelta(minutes=number))


def succeed(chance: random.Random) -> Callable[[int], None]:
    def work(number: int) -> None:
        one = guess(chance)
        admit_guess(one, NOW + timedelta(minutes=number))
        succeeded(one)

    return work


def test_failures_successes_and_pruning_at_once_end_in_no_deadlock(settings: object):
    settings.LOGIN_FAILURES = 1000  # type: ignore[attr-defined]
    chances = [random.Random(seed) for seed in range(6)]
    works = [fail(chances[0]), fail(chances[1]), *(succeed(chance) for chance in chances[2:])]
    prune = [lambda number: prune_batch(NOW + timedelta(hours=number)) and None]

    assert at_once([*works, *prune]) == []  # type: ignore[list-item]


def test_successes_at_once_leave_no_failure(settings: object):
    settings.LOGIN_FAILURES = 1000  # type: ignore[attr-defined]

    assert at_once([succeed(random.Random(seed)) for seed in range(6)]) == []

    assert set(SignInCount.objects.values_list("failures", flat=True)) <= {0}
