"""A fork of the tests' server is as a fresh process: what a program sees, says and leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import forked_process
from tests.support.forked_process import ForkedProcess
from tests.support.preloaded import GATEWAY

ROOT = Path(__file__).resolve().parents[2]
# As these tests, so that a fork comes from the server that has imported the gateway's modules.
PURITY = {"GATEWAY_PURE": os.environ.get("GATEWAY_PURE", "")}
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "OWN": "words"}
PROBE = """
import asyncio, json, os, random, signal, sys, threading
from django.conf import settings
numbers = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
seen = {
    "name": __name__,
    "file": __file__,
    "main": sys.modules["__main__"].__dict__ is globals(),
    "arguments": sys.argv,
    "path": sys.path,
    "directory": os.getcwd(),
    # LC_CTYPE is Python's own.
    "environment": {name: value for name, value in os.environ.items() if name != "LC_CTYPE"},
    "signals": {number: str(signal.getsignal(number)) for number in numbers},
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "files": sorted(os.listdir("/proc/self/fd")),
    "input": sys.stdin.read(),
    "threads": threading.active_count(),
    "loop": asyncio.get_event_loop_policy()._local._loop,
    "reactor": "twisted.internet.reactor" in sys.modules,
    "is configured": settings.configured,
    "ours": [name for name in sys.modules if name.split(".")[0] in ("gateway", "proxyapp")],
}
print(json.dumps([seen, {"session": os.getsid(0) == os.getpid(), "random": random.random()}]))
print("an error", file=sys.stderr)
sys.exit(7)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    return path


def run(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return forked_process.run(arguments, cwd=cwd, env={**ENVIRONMENT, **environment}, timeout=30)


def run_afresh(
    *arguments: str, cwd: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )


def start(tmp_path: Path, program: str) -> ForkedProcess:
    path = tmp_path / "program.py"
    path.write_text(program)
    with (tmp_path / "output").open("wb") as output:
        return forked_process.start([str(path)], cwd=tmp_path, env=ENVIRONMENT, stdout=output)


def test_a_program_sees_what_it_sees_in_a_fresh_process(probe: Path, tmp_path: Path) -> None:
    arguments = ["probe.py", "an argument", "--flag"]
    fresh = run_afresh(*arguments, cwd=tmp_path)

    done = run(*arguments, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (fresh.returncode, fresh.stderr) == (7, "an error\n")
    expected, seen = (json.loads(text)[0] for text in (fresh.stdout, done.stdout))
    assert seen == expected


def test_in_this_checkout_it_finds_modules_of_the_gateway_too_and_no_other_difference(
    probe: Path,
) -> None:
    arguments = [str(probe), "an argument"]
    fresh = run_afresh(*arguments, cwd=ROOT, **PURITY)

    done = run(*arguments, cwd=ROOT, **PURITY)

    expected, seen = (json.loads(text)[0] for text in (fresh.stdout, done.stdout))
    found = set(seen.pop("ours"))
    assert found >= set(GATEWAY)
    assert not found & {"gateway.settings", "proxyapp.models", "proxyapp.runtime"}
    assert (expected.pop("ours"), seen) == ([], expected)


def test_the_environment_that_the_gateway_remembers_is_the_programs_own(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("from gateway.start_environment import GIVEN; print(GIVEN['OWN'])")

    done = run(str(path), cwd=ROOT, **PURITY)

    assert done.stdout == "words\n", done.stderr


@pytest.mark.parametrize("asked_for", ["true", "false"])
def test_compiled_or_pure_is_what_the_programs_environment_asks_for(
    tmp_path: Path, asked_for: str
) -> None:
    path = tmp_path / "program.py"
    told = "import proxyapp; from gateway import compiled; print(compiled.told())"
    path.write_text(f"import sys; sys.path.append({str(ROOT)!r}); {told}")

    said = [runs(str(path), cwd=ROOT, GATEWAY_PURE=asked_for).stdout for runs in (run, run_afresh)]

    assert said[0] == said[1] != ""
    assert ("GATEWAY_PURE asks for it" in said[0]) == (asked_for == "true")


def test_two_programs_share_neither_environment_nor_random_numbers(
    probe: Path, tmp_path: Path
) -> None:
    said: list[list[dict[str, Any]]] = [
        json.loads(run(str(probe), cwd=tmp_path, **{name: "set"}).stdout)
        for name in ("FIRST", "SECOND")
    ]

    (first, first_own), (second, second_own) = said
    assert "FIRST" in first["environment"]
    assert "FIRST" not in second["environment"]
    assert first_own["session"]
    assert second_own["session"]
    assert first_own["random"] != second_own["random"]


def test_a_module_runs_as_with_m() -> None:
    done = run("-m", "json.tool", "--help", cwd=Path.cwd())

    assert done.returncode == 0
    assert "usage: " in done.stdout


def test_an_exception_is_a_traceback_and_1_and_what_was_registered_for_the_end_happens(
    tmp_path: Path,
) -> None:
    process = start(
        tmp_path, "import atexit\natexit.register(print, 'the end')\nraise ValueError('a word')"
    )

    assert process.wait(30) == 1
    output = (tmp_path / "output").read_text()
    assert "ValueError: a word" in output
    assert "the end" in output


def test_a_signal_ends_it_and_says_which(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(60)")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)

    process.send_signal(signal.SIGTERM)

    assert process.wait(10) == process.poll() == -signal.SIGTERM
    process.send_signal(signal.SIGTERM)  # nobody gets it


def test_a_killed_session_takes_its_children_along(tmp_path: Path) -> None:
    child = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time;"
        " time.sleep(60)'])"
    )
    process = start(tmp_path, child)
    children = _children_of(process.pid)

    os.killpg(process.pid, signal.SIGKILL)

    assert process.wait(10) == -signal.SIGKILL
    assert not psutil.wait_procs(children, 10)[1]


def _children_of(pid: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(pid).children()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return children


def test_a_program_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import time; time.sleep(60)")

    with pytest.raises(subprocess.TimeoutExpired):
        forked_process.run([str(path)], cwd=tmp_path, env=ENVIRONMENT, timeout=0.1)
