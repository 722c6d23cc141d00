"""The supervisor: the process that was started, small, and asleep while nothing happens."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.gateway import ROOT, Gateway
from tests.support.waiting import wait_for

MOST_MB = 30
LOOK_SECONDS = 3.0
SUCCESSOR = """
import json, os, signal, sys
given = json.load(os.fdopen(int(sys.argv[-1])))
held = [number.name for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
files = [os.fstat(each).st_ino for each in given["listeners"][0]]
print(json.dumps([os.getpid(), sorted(held), files]))
"""
BEGINNER = """
import socket, sys
from proxyapp.process.sighup import hold_hangups
from proxyapp.process.supervision import Supervision, begin
hold_hangups()
listeners = [[int(sys.argv[1])]]
begin(
    Supervision("127.0.0.1", [8080], listeners, [], [], [], {}, is_terminal_heeded=False),
    [sys.executable, "-c", sys.argv[2]],
    {},
)
"""


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    args = ["--workers", "2"]
    with Gateway({"groups": []}, server=request.param, args=args) as running:
        wait_for(lambda: "Proxy: " in running.output())
        yield running


def wakeups(process: psutil.Process) -> int:
    """Of all its threads, since they began."""
    total = 0
    for thread in process.threads():
        with open(f"/proc/{process.pid}/task/{thread.id}/status", encoding="utf-8") as status:
            total += sum(
                int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt")
            )
    return total


def wakeups_a_second(process: psutil.Process) -> float:
    before, since = wakeups(process), time.monotonic()
    time.sleep(LOOK_SECONDS)
    return (wakeups(process) - before) / (time.monotonic() - since)


def test_it_is_small(gateway: Gateway) -> None:
    assert psutil.Process(gateway.pid).memory_info().rss < MOST_MB * 1024 * 1024


def test_it_imports_no_django() -> None:
    program = "import sys, proxyapp.process.supervision; print('django' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


def test_what_is_idle_sleeps(gateway: Gateway) -> None:
    supervisor = psutil.Process(gateway.pid)
    worker = supervisor.children()[0]
    time.sleep(1)  # what a start leaves to do

    assert wakeups_a_second(supervisor) < 1
    assert wakeups_a_second(worker) < 20


def test_a_list_of_processes_shows_how_it_was_started(gateway: Gateway) -> None:
    command = psutil.Process(gateway.pid).cmdline()

    assert "serve" in command
    assert command[command.index("--config") + 1] == str(gateway.config_path)
    assert command[command.index("--port") + 1] == str(gateway.port)
    assert command[command.index("--workers") + 1] == "2"


def test_the_process_keeps_its_number_and_its_sockets_and_loses_no_signal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        file = os.fstat(listener.fileno()).st_ino
        process = subprocess.Popen(
            [sys.executable, "-c", BEGINNER, str(listener.fileno()), SUCCESSOR],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
        said, _ = process.communicate(timeout=30)

    assert json.loads(said) == [process.pid, ["SIGHUP", "SIGINT", "SIGTERM"], [file]]
    assert process.returncode == 0


def test_a_stop_that_comes_before_it_listens_to_signals_ends_it_in_order() -> None:
    """The pipe with what it has to know is not written yet: it waits there."""
    reading, writing = os.pipe()
    given = {
        "host": "127.0.0.1",
        "ports": [8080],
        "listeners": [],
        "worker": [],
        "preparation": [],
        "greeting": [],
        "logging": {"version": 1},
        "is_terminal_heeded": False,
    }
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--supervise", str(reading)],
            cwd=ROOT,
            pass_fds=[reading],
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    process.send_signal(signal.SIGTERM)
    with os.fdopen(writing, "w") as pipe:
        json.dump(given, pipe)
    os.close(reading)

    assert process.wait(30) == 0


@pytest.mark.parametrize("descriptor", ["99", "x", ""])
def test_who_asks_for_it_by_hand_is_told_of_workers(descriptor: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--supervise", descriptor],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "--supervise is what the gateway says to itself: use --workers.\n"
