"""What a flush takes away, and what it leaves for later."""

import time

import pytest

from proxyapp.access.limits import ClientLimits
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.counting import FEW_USED, NOTED_SECONDS, Counting
from proxyapp.ledger.usage import AttemptOutcome

SECONDS = 1_000_000.0


@pytest.fixture
def counting() -> Counting:
    return Counting(ClientLimits(DatabaseThreads()))


def use(counting: Counting, keys: int, now: float = SECONDS) -> None:
    for key_id in range(1, keys + 1):
        counting.tally.count(key_id, "m", AttemptOutcome.SUCCEEDED, now)


def test_when_few_keys_were_used_is_taken_each_time(counting: Counting):
    for now in (SECONDS, SECONDS + 1):
        use(counting, FEW_USED, now)

        assert counting.take().last_used == dict.fromkeys(range(1, FEW_USED + 1), now)

    assert not counting.is_dirty.is_set()


def test_when_many_keys_were_used_is_taken_now_and_then_and_counts_each_time(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
):
    many = FEW_USED + 1
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    use(counting, many)
    counting.take()
    use(counting, many, SECONDS + 1)

    second = counting.take()

    assert (len(second.counts), second.last_used) == (many, {})
    assert counting.is_dirty.is_set(), "somebody has to come for the rest"
    clock[0] += NOTED_SECONDS
    third = counting.take()
    assert third, "it is worth writing by itself"
    assert third.last_used == dict.fromkeys(range(1, many + 1), SECONDS + 1)


def test_a_stop_takes_everything(counting: Counting):
    for _ in range(2):
        use(counting, FEW_USED + 1)
        taken = counting.take(everything=True)

    assert len(taken.last_used) == FEW_USED + 1


def test_when_many_client_tokens_were_used_is_taken_now_and_then_too(counting: Counting):
    for now in (SECONDS, SECONDS + 1):
        for token_id in range(FEW_USED + 1):
            counting.tally.clients.count_answer(token_id, "m", 200, now)
        taken = counting.take()

    assert (len(taken.clients.counts), taken.clients.last_used) == (FEW_USED + 1, {})
    assert counting.take(everything=True).clients.last_used[0] == SECONDS + 1
