"""`gemini-gateway init`: a config file and a secret for a new gateway."""

import os
from pathlib import Path

import pytest

from gateway import dotenv, setting_checks
from gateway.initial_files import main
from gateway.start_environment import GIVEN
from proxyapp.config.file import load


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_writes_what_a_start_takes_for_its_owner_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "my gateway"
    umask = os.umask(0)
    try:
        assert main([str(place)]) == 0
    finally:
        os.umask(umask)

    assert (mode(place), mode(place / "config.yaml"), mode(place / ".env")) == (
        0o700,
        0o600,
        0o600,
    )
    (secret,) = dotenv.read((place / ".env").read_text())
    assert isinstance(secret, dotenv.Assignment)
    assert (secret.name, setting_checks.secret(secret.value)) == ("SECRET_KEY", "")
    assert load(place / "config.yaml").groups[0].api_keys == ()
    said = capsys.readouterr().out
    assert f"GATEWAY_HOME='{place}' " in said
    assert secret.value not in said


def test_without_a_directory_it_is_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GIVEN, "GATEWAY_HOME", str(tmp_path / "home"))

    assert main([]) == 0

    assert (tmp_path / "home/config.yaml").is_file()


@pytest.mark.parametrize("name", ["config.yaml", ".env"])
def test_what_is_there_stays_and_nothing_is_written(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).symlink_to("nowhere")

    assert main([str(tmp_path)]) == 1

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert capsys.readouterr().err == (
        f"{tmp_path / name} is there already: nothing was written.\n"
    )


def test_two_secrets_are_never_the_same(tmp_path: Path) -> None:
    assert main([str(tmp_path / "a")]) == main([str(tmp_path / "b")]) == 0
    assert (tmp_path / "a/.env").read_text() != (tmp_path / "b/.env").read_text()


def test_a_place_that_cannot_be_made_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()

    assert main([str(tmp_path / "file/below")]) == 1

    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = os.open

    def opened(path: Path, flags: int, mode: int) -> int:
        descriptor = real(path, flags, mode)
        if path.name != ".env":
            return descriptor
        os.close(descriptor)
        return real("/dev/full", os.O_WRONLY)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", opened)
        assert main([str(tmp_path)]) == 1

    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.startswith(f"{tmp_path / '.env'} cannot be written: No space")
    assert main([str(tmp_path)]) == 0
