"""The machine's clock is set while keys cool: what is left of each cooldown stays the same."""

from proxyapp.pool.probation import PastRefusals, Recovery, Unit
from proxyapp.vocabulary.clock import JumpDetector
from tests.support.snapshots import snapshot

DAYS = 40 * 86_400.0


def test_cooldowns_in_memory_move_with_the_clock():
    pool = snapshot("aaa", cooling={1: 60.0})
    pool.cool(2, 30.0, quota_scope="gemini")
    for jump in (-DAYS, DAYS):
        ring, now = pool.rings[""], 10.0
        pool.shift(jump)
        now += jump
        assert list(ring.available(now, "gemini")) == [2]
        pool.shift(-jump)
    ring = pool.rings[""]
    release = ring.earliest_release(10.0, "gemini")
    assert release is not None
    assert release.until == 30.0
    assert list(ring.available(31.0, "gemini")) == [1, 2]
    assert list(ring.available(61.0)) == [0, 1, 2]


def test_what_is_remembered_of_refusals_moves_too():
    past = PastRefusals({Unit(1, ""): 100.0})
    past.add_strike(Unit(1, ""), number=2, until=50.0)
    recovery = Recovery(past)
    recovery.shift(-DAYS)
    assert past.returning == {Unit(1, ""): 100.0 - DAYS}
    assert past.strikes[Unit(1, "")] == (2, 50.0 - DAYS)


def test_a_jump_is_told_once_and_slewing_is_none():
    clocks = {"wall": 1000.0, "elapsed": 5.0}
    detector = JumpDetector(lambda: clocks["wall"], lambda: clocks["elapsed"])
    clocks |= {"wall": 1010.4, "elapsed": 15.0}
    assert detector.look() == 0.0
    clocks["wall"] -= DAYS
    assert detector.look() == -DAYS + 0.4
    assert detector.look() == 0.0
