"""Where the gateway cannot run, it says where it can, before anything fails to import."""

import subprocess
import sys

import pytest

from tests.support.gateway import ROOT

WINDOWS = "sys.platform = 'win32'"
PROGRAM = (
    "import runpy; sys.argv = ['manage.py', *{}]; runpy.run_path('manage.py', {{}}, '__main__')"
)
SERVER = "import gateway.asgi"


def run(*lines: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "; ".join(["import os, sys", *lines])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "system",
    [
        WINDOWS,
        "os.name = 'nt'",
        *(f"sys.modules[{name!r}] = None" for name in ("fcntl", "resource")),
    ],
)
@pytest.mark.parametrize(
    "start", [PROGRAM.format(["serve"]), PROGRAM.format(["--help"]), PROGRAM.format([]), SERVER]
)
def test_another_system_is_one_line_with_the_ways_out(system: str, start: str) -> None:
    done = run(system, start)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    for word in ("Linux", "macOS", "container", "WSL", "Docker"):
        assert word in done.stderr
