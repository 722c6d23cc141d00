"""A disk of a megabyte, if this machine lets us mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1024 * 1024


def mount(directory: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """Skips the test on a machine that does not."""
    directory.mkdir()
    if not mount(directory, f"size={MEGABYTE},mode=700"):
        pytest.skip("needs the right to mount a small disk (tmpfs) on this machine")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
