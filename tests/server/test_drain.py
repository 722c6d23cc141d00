"""How long a process that goes waits for its clients."""

from proxyapp.server.drain import GRACE_SECONDS, Drain


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drain(clock: Clock) -> Drain:
    return Drain(30, 300, clock=clock)


def states(it: Drain) -> tuple[bool, bool]:
    return it.keeps_idle(), it.is_over()


def test_who_stays_keeps_everything():
    it = drain(Clock())

    assert not it.has_begun
    assert states(it) == (True, False)


def test_a_shutdown_gives_idle_connections_a_moment_and_requests_their_time():
    clock = Clock()
    it = drain(clock)
    it.shut_down()

    seen = {}
    for after in (0.0, GRACE_SECONDS, 29.9, 30.0):
        clock.now = 100.0 + after
        seen[after] = states(it)

    assert seen == {
        0.0: (True, False),
        GRACE_SECONDS: (False, False),
        29.9: (False, False),
        30.0: (False, True),
    }


def test_who_is_retired_keeps_its_clients_and_shuts_down_at_last():
    clock = Clock()
    it = drain(clock)
    it.retire()

    clock.now += 299
    assert states(it) == (True, False)
    clock.now += 2
    assert states(it) == (False, False)
    clock.now += 30
    assert states(it) == (False, True)


def test_a_shutdown_cuts_a_retirement_short_and_is_no_hurry():
    clock = Clock()
    it = drain(clock)
    it.retire()
    clock.now += 50

    it.shut_down()

    clock.now += 1
    assert states(it) == (False, False)
    assert not it.is_hurried


def test_two_wishes_at_once_are_one_and_a_later_one_is_for_haste():
    clock = Clock()
    it = drain(clock)
    it.shut_down()
    clock.now += 0.5
    it.shut_down()
    assert not it.is_hurried

    clock.now += 1
    it.shut_down()

    assert states(it) == (False, True)


def test_its_beginning_is_told_once():
    told: list[int] = []
    it = Drain(30, 300, on_begin=lambda: told.append(1))

    it.retire()
    it.shut_down()
    it.retire()

    assert told == [1]
