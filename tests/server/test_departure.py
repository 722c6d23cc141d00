"""How long a process that goes waits for its clients."""

from proxyapp.server.departure import GRACE_SECONDS, Departure


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def departure(clock: Clock) -> Departure:
    return Departure(30, 300, clock=clock)


def states(going: Departure) -> tuple[bool, bool]:
    return going.keeps_idle(), going.is_over()


def test_who_stays_keeps_everything():
    going = departure(Clock())

    assert not going.has_begun
    assert states(going) == (True, False)


def test_a_shutdown_gives_idle_connections_a_moment_and_requests_their_time():
    clock = Clock()
    going = departure(clock)
    going.shut_down()

    seen = {}
    for after in (0.0, GRACE_SECONDS, 29.9, 30.0):
        clock.now = 100.0 + after
        seen[after] = states(going)

    assert seen == {
        0.0: (True, False),
        GRACE_SECONDS: (False, False),
        29.9: (False, False),
        30.0: (False, True),
    }


def test_who_is_retired_keeps_its_clients_and_shuts_down_at_last():
    clock = Clock()
    going = departure(clock)
    going.retire()

    clock.now += 299
    assert states(going) == (True, False)
    clock.now += 2
    assert states(going) == (False, False)
    clock.now += 30
    assert states(going) == (False, True)


def test_a_shutdown_cuts_a_retirement_short_and_is_no_hurry():
    clock = Clock()
    going = departure(clock)
    going.retire()
    clock.now += 50

    going.shut_down()

    clock.now += 1
    assert states(going) == (False, False)
    assert not going.is_hurried


def test_two_wishes_at_once_are_one_and_a_later_one_is_for_haste():
    clock = Clock()
    going = departure(clock)
    going.shut_down()
    clock.now += 0.5
    going.shut_down()
    assert not going.is_hurried

    clock.now += 1
    going.shut_down()

    assert states(going) == (False, True)


def test_its_beginning_is_told_once():
    told: list[int] = []
    going = Departure(30, 300, on_begin=lambda: told.append(1))

    going.retire()
    going.shut_down()
    going.retire()

    assert told == [1]
