"""A secret in a file of its own, which NAME_FILE names."""

import os
from pathlib import Path

import pytest

from gateway import secret_file
from gateway.secret_file import SecretFileError, secret_of

VALUE = "aB3/MARKER+dE5fG7hJ9kL1nP3qR5tV7xZ9bD1f"


def why_not(path: Path | str, **others: str) -> str:
    with pytest.raises(SecretFileError) as caught:
        secret_of({"X_FILE": str(path), **others}, "X")
    return str(caught.value)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_end_of_the_last_line_and_a_byte_order_mark_are_none_of_it(
    tmp_path: Path, end: str, mark: str
) -> None:
    file = tmp_path / "x"
    file.write_bytes(f"{mark} {VALUE} {end}".encode())

    assert secret_of({"X_FILE": str(file), "X": " "}, "X") == f" {VALUE} "
    assert secret_of({"X_FILE": "", "X": VALUE}, "X") is None


def test_what_cannot_be_read_is_named_and_never_taken_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty, pipe, bytes_ = tmp_path / "empty", tmp_path / "pipe", tmp_path / "bytes"
    empty.write_text("\n")
    os.mkfifo(pipe)
    bytes_.write_bytes(b"\xff" + VALUE.encode())
    monkeypatch.setattr(secret_file, "MOST_BYTES", 60)
    (tmp_path / "long").write_text(VALUE * 2)

    assert {
        path.name: why_not(path).removeprefix(f"X_FILE='{path}' ") for path in found(tmp_path)
    } == {
        "bytes": "is not UTF-8 text",
        "empty": "is empty",
        "long": "is too long for a secret",
        "none": "cannot be read: No such file or directory",
        "pipe": "is no file that can be read again, at a restart",
        tmp_path.name: "is a directory: name the file in it",
    }


def found(directory: Path) -> list[Path]:
    return [*directory.iterdir(), directory, directory / "none"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (VALUE, "cannot be read: No such file or directory"),
        (f"/{VALUE[5:]}{VALUE[5:]}", "cannot be read: No such file or directory"),
        ("postgresql://u:MARKER@h/n", "cannot be read: No such file or directory"),
        ("MARKER" * 100, "cannot be read: File name too long"),
        ("a\0MARKER", "embedded null byte"),
    ],
)
def test_a_value_in_the_place_of_a_path_is_not_repeated(value: str, reason: str) -> None:
    said = f"X_FILE {reason} (it must be the path of a file that has the value in it)"

    assert why_not(value) == said


def test_a_name_that_is_given_both_ways_is_refused(tmp_path: Path) -> None:
    assert why_not(tmp_path / "x", X=VALUE) == "X and X_FILE are both set: leave one of them out"
