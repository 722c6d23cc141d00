"""How long a process that goes waits for its clients."""

from proxyapp.server.drain import GRACE_SECONDS, Drain


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drain_of(clock: Clock) -> Drain:
    return Drain(30, 300, clock=clock)


def states(drain: Drain) -> tuple[bool, bool]:
    return drain.keeps_idle(), drain.is_over()


def test_who_stays_keeps_everything():
    drain = drain_of(Clock())

    assert not drain.has_begun
    assert states(drain) == (True, False)


def test_a_shutdown_gives_idle_connections_a_moment_and_requests_their_time():
    clock = Clock()
    drain = drain_of(clock)
    drain.shut_down()

    seen = {}
    for after in (0.0, GRACE_SECONDS, 29.9, 30.0):
        clock.now = 100.0 + after
        seen[after] = states(drain)

    assert seen == {
        0.0: (True, False),
        GRACE_SECONDS: (False, False),
        29.9: (False, False),
        30.0: (False, True),
    }


def test_who_is_retired_keeps_its_clients_and_shuts_down_at_last():
    clock = Clock()
    drain = drain_of(clock)
    drain.retire()

    clock.now += 299
    assert states(drain) == (True, False)
    clock.now += 2
    assert states(drain) == (False, False)
    clock.now += 30
    assert states(drain) == (False, True)


def test_a_shutdown_cuts_a_retirement_short_and_is_no_hurry():
    clock = Clock()
    drain = drain_of(clock)
    drain.retire()
    clock.now += 50

    drain.shut_down()

    clock.now += 1
    assert states(drain) == (False, False)
    assert not drain.is_hurried


def test_two_wishes_at_once_are_one_and_a_later_one_is_for_haste():
    clock = Clock()
    drain = drain_of(clock)
    drain.shut_down()
    clock.now += 0.5
    drain.shut_down()
    assert not drain.is_hurried

    clock.now += 1
    drain.shut_down()

    assert states(drain) == (False, True)


def test_its_beginning_is_told_once():
    told: list[int] = []
    drain = Drain(30, 300, on_begin=lambda: told.append(1))

    drain.retire()
    drain.shut_down()
    drain.retire()

    assert told == [1]
