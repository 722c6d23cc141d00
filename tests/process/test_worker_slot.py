"""Who holds a worker's slot, and when a successor comes."""

import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from proxyapp.process.worker import Worker
from proxyapp.process.worker_slot import MAX_DELAY_SECONDS, WorkerSlot


class ToyWorker:
    def __init__(self) -> None:
        self.ready_at: float | None = None
        self.code: int | None = None
        self.leaves = False
        self.is_dismissed = False

    def is_ready(self) -> bool:
        return self.ready_at is not None

    def is_alive(self) -> bool:
        return self.code is None

    def is_leaving(self) -> bool:
        return self.leaves

    def dismiss(self) -> None:
        self.is_dismissed = True


def _bound() -> list[socket.socket]:
    return [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]


class Stage:
    """A slot whose workers are toys."""

    def __init__(self) -> None:
        self.workers: list[ToyWorker] = []
        self.slot = WorkerSlot(_bound(), _bound, cast(Any, self._start))
        self.slot.start()

    def _start(self, listeners: Sequence[socket.socket]) -> Worker:
        self.workers.append(ToyWorker())
        return cast(Worker, self.workers[-1])

    def end(self, code: int, *, ready_at: float | None, now: float) -> None:
        self.workers[-1].ready_at = ready_at
        self.workers[-1].code = code
        self.slot.keep_held(now)

    def seconds_until_a_start(self, now: float) -> float:
        before, waited = len(self.workers), 0.0
        while len(self.workers) == before:
            waited += 0.25
            self.slot.keep_held(now + waited)
        return waited


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.slot.close()


def test_a_worker_that_is_killed_again_and_again_is_replaced_at_once_each_time(
    stage: Stage,
) -> None:
    listeners = stage.slot.listeners

    for number in range(50):
        stage.end(-signal.SIGKILL, ready_at=float(number), now=number + 0.1)

    assert len(stage.workers) == 51
    assert stage.slot.listeners is listeners, "what waits in its queue is not lost"


def test_starts_that_fail_come_later_and_later_and_a_good_one_ends_that(stage: Stage) -> None:
    delays = []
    for _ in range(10):
        stage.end(1, ready_at=None, now=100.0)
        delays.append(stage.seconds_until_a_start(100.0))
    stage.end(-signal.SIGSEGV, ready_at=100.0, now=200.0)

    assert delays == [0.25, 0.5, 1, 2, 4, 8, 16, *[MAX_DELAY_SECONDS] * 3]
    assert len(stage.workers) == 12


def test_a_worker_that_ends_as_soon_as_it_serves_is_a_failed_start(stage: Stage) -> None:
    stage.end(1, ready_at=100.0, now=100.5)

    assert stage.seconds_until_a_start(100.5) == 0.25


def test_nobody_waits_at_a_place_whose_worker_cannot_start(stage: Stage) -> None:
    before = stage.slot.listeners

    stage.end(1, ready_at=None, now=100.0)

    assert [each.fileno() for each in before] == [-1, -1]
    assert all(each.fileno() > 0 for each in stage.slot.listeners)


def test_a_worker_that_leaves_by_itself_has_a_successor_before_it_has_gone(stage: Stage) -> None:
    leaver = stage.workers[0]
    leaver.ready_at, leaver.leaves = 100.0, True

    assert stage.slot.keep_held(200.0) is cast(Any, leaver)

    assert len(stage.workers) == 2
    assert not leaver.is_dismissed
