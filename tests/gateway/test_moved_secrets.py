"""The secrets of another machine, kept beside the gateway's own."""

import errno
import os
from pathlib import Path

import pytest

from gateway.secret_key import MOVED, add_moved


def test_a_full_disk_leaves_what_was_there_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_moved(tmp_path, ["first"])

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left") as caught:
            add_moved(tmp_path, ["second"])

    assert caught.value.filename == str(tmp_path / MOVED)
    assert [path.name for path in tmp_path.iterdir()] == [MOVED]
    assert (tmp_path / MOVED).read_text() == "first\n"
