"""What `make test` makes of tests that fail: tried with a suite of a few small ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.suite import MOST_AGAIN

ROOT = Path(__file__).resolve().parents[2]
PASSES = "def test_passes():\n    assert True\n"
FAILS = "def test_fails_{}():\n    assert False\n"
FAILS_ONCE = """
from pathlib import Path
def test_fails_in_the_crowd():
    mark = Path(__file__).with_name("ran")
    has_run = mark.exists()
    mark.touch()
    assert has_run
"""


def run_suite(directory: Path, source: str) -> "subprocess.CompletedProcess[str]":
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_few.py").write_text(PASSES + source)
    command = [
        sys.executable,
        "-m",
        "tests.support.suite",
        "-q",
        "-p",
        "no:django",
        "-c",
        str(directory / "pytest.ini"),
    ]
    return subprocess.run(
        [*command, str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_fails_only_in_the_crowd_is_told_and_passes(tmp_path: Path) -> None:
    done = run_suite(tmp_path, FAILS_ONCE)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "run again alone" in done.stdout
    assert "test_few.py::test_fails_in_the_crowd" in done.stdout


@pytest.mark.parametrize("count", [1, MOST_AGAIN + 1])
def test_what_fails_alone_too_fails_the_suite(tmp_path: Path, count: int) -> None:
    done = run_suite(tmp_path, "".join(FAILS.format(number) for number in range(count)))

    assert done.returncode == 1
    assert done.stdout.count(f"{count} failed") == (2 if count <= MOST_AGAIN else 1), (
        "many failures are not run again"
    )


def test_a_suite_that_cannot_be_collected_fails(tmp_path: Path) -> None:
    assert run_suite(tmp_path, "import nothing_of_that_name\n").returncode == 2
