"""What is told is no reason to end: nobody may read it, and the disk that keeps it may be full."""

import os
import subprocess
import sys

import pytest

from proxyapp.vocabulary.terminal import tell
from tests.support.gateway import ROOT


def pipe_without_a_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("opened", [pipe_without_a_reader, full_disk])
def test_what_cannot_be_told_is_told_to_nobody(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(opened(), "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        tell("a line")
        tell("another one")


@pytest.mark.once
def test_a_command_whose_reader_has_gone_ends_without_a_word() -> None:
    nobody = pipe_without_a_reader()
    done = subprocess.run(
        [sys.executable, "manage.py", "help"],
        cwd=ROOT,
        env={"PATH": os.defpath, "ENV_FILE": os.devnull, "SECRET_KEY": os.urandom(32).hex()},
        stdout=nobody,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(nobody)

    assert (done.returncode, done.stderr) == (141, b"")
