"""The table of settings, and the start that it stops."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import pytest

from gateway import setting_table
from gateway.environment import Environment
from gateway.setting import Setting
from tests.support.gateway import ROOT
from tests.support.ports import free_port

ROWS = {row.name: row for row in setting_table.table.rows}
NUMBERS = [row for row in ROWS.values() if type(row.default) in (int, float)]
MAY_BE_ZERO = {"ROTATION_LEASE", "QUEUE_SECONDS"}
# Who starts Django says which settings are meant, and a successor gets what its parent was given.
# The variables of a config file are the operator's own, no settings.
MAY_READ_THE_ENVIRONMENT = {
    "manage.py",
    "gateway/asgi.py",
    "gateway/environment.py",
    "gateway/start_environment.py",
    "proxyapp/config/file.py",
}


def problems_of(row: Setting[object], text: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(environ.Env, "ENVIRON", {row.name: text})
    env = Environment()
    row.value(env)
    return env.problems


def test_a_row_has_the_name_of_its_value():
    assert len(ROWS) == len(setting_table.table.rows)
    assert {name for name in ROWS if not hasattr(setting_table, name)} == {"DATABASE_URL"}


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
@pytest.mark.parametrize("text", ["-1", "-1e-9", "nan", "inf", "-inf", "1e300", "9" * 400])
def test_no_number_is_endless_or_negative(
    row: Setting[object], text: str, monkeypatch: pytest.MonkeyPatch
):
    (problem,) = problems_of(row, text, monkeypatch)

    assert problem.startswith(f"{row.name}={text!r} ")


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_zero_is_refused_where_it_means_nothing(
    row: Setting[object], monkeypatch: pytest.MonkeyPatch
):
    expected = [] if row.name in MAY_BE_ZERO else [f"{row.name}='0' must be more than 0"]

    assert problems_of(row, "0", monkeypatch) == expected


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_a_default_is_what_its_text_says(row: Setting[object], monkeypatch: pytest.MonkeyPatch):
    assert problems_of(row, row.documented, monkeypatch) == []


def test_a_secret_is_marked_as_one():
    secrets = {name for name, row in ROWS.items() if row.is_secret}

    assert secrets == {
        "DATABASE_URL",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "DJANGO_SUPERUSER_PASSWORD",
    }


@pytest.mark.parametrize("command", [["check"], ["serve", "--port", "{port}"]], ids=str)
def test_all_that_is_wrong_is_said_at_once_and_nothing_starts(command: list[str], tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(tmp_path / "var"),
        "QUEUE_SECONDS": "-1",
        "KEEPALIVE_SECONDS": "0",
        "HEADER_TIMEOUT_SECONDS": "inf",
        "DATABASE_URL": "sqlite:////x?MARKER=1",
        "BEHIND_TLS": "true",
    }
    arguments = [part.format(port=free_port()) for part in command]

    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Bad setting: DATABASE_URL takes no options for SQLite: SQLITE_TIMEOUT_SECONDS says how"
        " long it waits; QUEUE_SECONDS='-1' must be 0 (never wait) or more;"
        " HEADER_TIMEOUT_SECONDS='inf' is not a number such as 30.0; KEEPALIVE_SECONDS='0' must be"
        " more than 0; BEHIND_TLS=true needs TRUSTED_PROXIES: the address of what ends TLS, such"
        " as 127.0.0.1"
    ]
    assert not (tmp_path / "var").exists()


def readers_of_the_environment(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
            yield path.relative_to(ROOT).as_posix()
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (
                path.relative_to(ROOT).as_posix()
                for alias in node.names
                if alias.name in ("environ", "environb", "getenv")
            )


def test_nothing_reads_the_environment_beside_the_table():
    files = [
        ROOT / "manage.py",
        *(ROOT / "gateway").rglob("*.py"),
        *(ROOT / "proxyapp").rglob("*.py"),
    ]
    readers = {name for path in files for name in readers_of_the_environment(path)}

    assert readers - MAY_READ_THE_ENVIRONMENT == set()
    assert "manage.py" in readers, "or this test finds none"
