"""Processes of their own, with one database: what one makes the others know, also when it dies."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.gateway import ROOT
from tests.support.shared_database import shared_database


class Process:
    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.book_process"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def say(self, line: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    with shared_database(tmp_path, "pass") as environment, ExitStack() as stack:

        def started() -> Process:
            process = Process(environment)
            stack.callback(process.kill)
            return process

        yield started


def test_what_one_process_makes_and_forgets_the_other_knows_at_once_and_after_a_restart(start):
    one, two = start(), start()

    assert two.say("find files/a") == "nobody"
    one.say("make files/a 7")
    assert two.say("find files/a") == "7"
    two.say("make files/a 8")
    assert one.say("find files/a") == "8 7"
    two.say("forget files/a 7")
    two.end()
    assert one.say("find files/a") == "8"
    assert start().say("find files/a") == "8"


def test_what_a_process_made_in_an_outage_outlives_its_kill(start):
    one, two = start(), start()
    one.say("lose")
    one.say("make files/b 9")
    assert one.say("find files/b") == "9"
    assert two.say("find files/b") == "9"

    one.kill()
    two.say("catch-up")

    assert two.say("find files/b") == "9"
    assert start().say("find files/b") == "9"
