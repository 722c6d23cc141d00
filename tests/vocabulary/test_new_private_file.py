"""A file with secrets that was not there before."""

import errno
import os
from pathlib import Path

import pytest

from proxyapp.vocabulary.new_private_file import write_new


def test_it_is_its_owners_only_and_takes_no_other_files_place(tmp_path: Path) -> None:
    path = tmp_path / "x"

    write_new(path, "secret\n")

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("secret\n", 0o600)
    with pytest.raises(FileExistsError):
        write_new(path, "another")
    assert path.read_text() == "secret\n"


def test_of_a_full_disk_nothing_is_left_but_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_new(tmp_path / "x", "secret")

    assert caught.value.filename == str(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
