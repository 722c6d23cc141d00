"""Files with secrets that others can read or change are warned of, with a command that mends it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from django.db import OperationalError

from proxyapp.process import file_modes
from proxyapp.process.bootstrap import database_errors_explained
from proxyapp.process.start_error import StartError
from tests.support.gateway import Gateway
from tests.support.waiting import wait_for

EMPTY: dict[str, Any] = {"groups": []}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my config.yaml"
    path.touch()
    return path


def warnings_of_start(gateway: Gateway) -> list[str]:
    gateway.start()
    wait_for(lambda: "Keys: " in gateway.output())
    gateway.stop()
    return re.findall(r"^warning: .* \(mode 0\d+\): .*$", gateway.output(), re.MULTILINE)


@pytest.fixture
def open_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """Its files are as `cp` and an editor leave them, in a directory with a blank."""
    var = tmp_path / "own var"
    gateway = Gateway(EMPTY, env={"VAR_DIR": str(var), "ENV_FILE": str(tmp_path / "the env")})
    (tmp_path / "the env").write_text("LOG_LEVEL=INFO\n")
    var.mkdir()
    (var / "secret_key").write_text(token_urlsafe(64))
    for path, mode in {var: 0o777, tmp_path / "the env": 0o644, var / "secret_key": 0o640}.items():
        path.chmod(mode)
    gateway.config_path.chmod(0o664)
    yield gateway
    gateway.close()


def test_each_command_that_a_start_names_mends_what_it_warns_of(open_gateway: Gateway) -> None:
    warnings = warnings_of_start(open_gateway)

    assert [re.sub(r" \(mode.*", "", warning).rpartition("/")[2] for warning in warnings] == [
        "config.yaml",
        "the env",
        "own var",
    ]
    for warning in warnings:
        command = warning.partition("): ")[2]
        subprocess.run(command, shell=True, check=True)
    open_gateway._log.write_text("")
    assert warnings_of_start(open_gateway) == []
    assert "every user" not in open_gateway.output()


@pytest.mark.parametrize(
    ("mode", "who", "command"),
    [
        (0o644, "every user of this machine can read ", "chmod o-rwx "),
        (0o666, "every user of this machine can change ", "chmod g-w,o-rwx "),
        (0o602, "every user of this machine can change ", "chmod o-rwx "),
        (0o660, "the users of its group can change ", "chmod g-w "),
        (
            0o664,
            "every user of this machine can read, and its group change, ",
            "chmod g-w,o-rwx ",
        ),
    ],
)
def test_who_can_do_what_is_said_with_the_way_back(
    file: Path, mode: int, who: str, command: str
) -> None:
    file.chmod(mode)

    assert file_modes.warnings([file, file]) == [
        f"warning: {who}{file} (mode {mode:04o}): {command}'{file}'"
    ]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o711])
def test_a_reader_in_the_files_own_group_is_usual(file: Path, mode: int) -> None:
    file.chmod(mode)

    assert file_modes.warnings([file]) == []


def test_what_is_no_file_or_not_there_is_passed_over(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)

    assert file_modes.warnings([Path(os.devnull), pipe, tmp_path / "none"]) == []


def test_a_mounted_secret_is_its_containers_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.chmod(0o444)
    link = file.with_name("link")
    link.symlink_to(file)
    monkeypatch.setattr(file_modes, "MOUNTED_SECRETS", file.parent)

    assert file_modes.warnings([file, link]) == []


def test_nothing_on_a_read_only_mount_is_warned_of() -> None:
    read_only = [
        Path(line.split()[1])
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if "ro" in line.split()[3].split(",") and Path(line.split()[1]).exists()
    ]
    if not read_only:
        pytest.skip("nothing is mounted read-only here")

    assert file_modes.warnings(read_only) == []


@pytest.mark.parametrize(
    ("mode", "own_group", "command"),
    [
        (0o644, False, "sudo chgrp 4242 {path} && sudo chmod 640 {path}"),
        (0o644, True, "sudo chmod o-rwx {path}"),
        (0o666, False, "sudo chown 4242 {path} && sudo chmod 600 {path}"),
        (0o660, True, "sudo chown 4242 {path} && sudo chmod 600 {path}"),
    ],
)
def test_who_reads_anothers_file_keeps_the_right_to(
    file: Path, monkeypatch: pytest.MonkeyPatch, mode: int, own_group: bool, command: str
) -> None:
    file.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(os, "getegid", lambda: 4242)
    monkeypatch.setattr(os, "getgroups", lambda: [file.stat().st_gid] if own_group else [])

    (warning,) = file_modes.warnings([file])

    assert warning.endswith(": " + command.format(path=f"'{file}'"))


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "is_advised"),
    [
        ("attempt to write a readonly database", True),
        ("unable to open database file", True),
        ("database or disk is full", False),
    ],
)
def test_a_database_of_another_user_is_told_as_that(words: str, is_advised: bool) -> None:
    with pytest.raises(StartError) as failed, database_errors_explained():
        raise OperationalError(words)

    advice = ". The user who runs the gateway has to own the file and its directory"
    assert str(failed.value).endswith(f" does not work: {words}{advice * is_advised}")
