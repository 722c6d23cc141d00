"""`manage.py backup`, of a gateway that runs; it is restored as docs/OPERATIONS.md says."""

import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.support import postgres
from tests.support.chosen_database import needs_postgresql, needs_sqlite
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import rows
from tests.support.postgres import ON_POSTGRESQL

only_sqlite = needs_sqlite("SQLite's")
only_postgresql = needs_postgresql("PostgreSQL's")
SECRET = "not-the-file-but-the-setting-0123456789-0123456789"
COPY = "database.pgdump" if ON_POSTGRESQL else "database.sqlite3"


@pytest.fixture
def programs() -> str:
    """The PATH with the client programs of the server's version."""
    if not ON_POSTGRESQL:
        return os.environ["PATH"]
    return f"{postgres.client_programs()}:{os.environ['PATH']}"


@pytest.fixture
def gateway(programs: str) -> Iterator[Gateway]:
    config = {"groups": [group(["KEY-AAAA-1111"], "http://127.0.0.1:9")]}
    with Gateway(config, env={"PATH": programs}) as running:
        yield running


def add_key(gateway: Gateway, key: str) -> None:
    """By a process of its own, as in a deployment."""
    file = gateway.directory / "more.yaml"
    more = group([key], "http://127.0.0.1:9", name=key.lower())
    file.write_text(yaml.safe_dump({"groups": [more]}))
    done = gateway.manage("import_config", str(file))
    assert done.returncode == 0, done.stderr


def restored(backup: Path, secret: Path, programs: str) -> Gateway:
    """Another gateway, with an empty config, on what the backup has."""
    gateway = Gateway({"groups": []}, env={"PATH": programs}, is_migrated=False)
    var = gateway.directory / "var"
    var.mkdir(mode=0o700)
    shutil.copy(secret, var / "secret_key")
    if ON_POSTGRESQL:
        command = ["pg_restore", "--no-owner", "--single-transaction"]
        command += [f"--dbname={gateway.database_url}", str(backup / COPY)]
        done = subprocess.run(
            command, env={"PATH": programs}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    else:
        shutil.copy(backup / COPY, gateway.database_url.removeprefix("sqlite:///"))
    return gateway


def clear_keys(gateway: Gateway) -> set[str]:
    exported = gateway.manage("export_config")
    assert exported.returncode == 0, exported.stderr
    return {
        key["key"] if isinstance(key, dict) else key
        for each in yaml.safe_load(exported.stdout)["groups"]
        for key in each["api_keys"]
    }


def test_what_was_written_a_moment_ago_is_in_it_and_is_restored(
    gateway: Gateway, tmp_path: Path, programs: str
):
    add_key(gateway, "KEY-BBBB-2222")
    backup, secret = tmp_path / "backup", tmp_path / "secret"

    done = gateway.manage("backup", str(backup), "--secret", str(secret))

    assert done.returncode == 0, done.stderr
    assert [path.name for path in backup.iterdir()] == [COPY]
    other = restored(backup, secret, programs)
    try:
        other.start()
        assert clear_keys(other) == {"KEY-AAAA-1111", "KEY-BBBB-2222"}
        assert [key["state"] for key in other.keys()] == ["available", "available"]
    finally:
        other.close()


@only_sqlite
def test_a_plain_copy_of_the_file_lacks_what_the_backup_has_while_others_write(
    gateway: Gateway, tmp_path: Path
):
    file = gateway.database_url.removeprefix("sqlite:///")
    over = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
            while not over.is_set():
                connection.execute(
                    "INSERT INTO proxyapp_chore (name, last_run_at) VALUES (hex(randomblob(9)), 0)"
                )

    writers = [threading.Thread(target=write) for _ in range(2)]
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM proxyapp_apikey").fetchone()  # holds the log
        for writer in writers:
            writer.start()
        try:
            add_key(gateway, "KEY-CCCC-3333")
            shutil.copy(file, tmp_path / "plain")
            done = gateway.manage("backup", str(tmp_path / "backup"))
        finally:
            over.set()
            for writer in writers:
                writer.join(60)

    assert done.returncode == 0, done.stderr
    assert keys_in(tmp_path / "backup" / COPY) == 2
    assert keys_in(tmp_path / "plain") == 1


def keys_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM proxyapp_apikey").fetchone()[0])


def test_no_key_and_no_secret_is_in_it_and_only_the_owner_reads_it(
    gateway: Gateway, tmp_path: Path
):
    before = os.umask(0)
    try:
        done = gateway.manage("backup", str(tmp_path / "b"), "--secret", str(tmp_path / "s"))
    finally:
        os.umask(before)

    secret = (gateway.directory / "var" / "secret_key").read_text()
    assert (tmp_path / "s").read_text() == secret
    copy = (tmp_path / "b" / COPY).read_bytes()
    assert secret.strip().encode() not in copy
    assert b"KEY-AAAA-1111" not in copy
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "b", tmp_path / "b" / COPY)]
    assert [*modes, (tmp_path / "s").stat().st_mode & 0o777] == [0o700, 0o600, 0o600]
    assert "keep it apart from the backup" in done.stdout
    assert rows(gateway, "SELECT detail FROM proxyapp_auditentry WHERE action = 'export'") == [
        ("the secret",)
    ]


def test_without_secret_it_says_what_is_missing_and_where_it_is(gateway: Gateway, tmp_path: Path):
    from_file = gateway.manage("backup", str(tmp_path / "one")).stdout
    gateway.environment["SECRET_KEY"] = SECRET
    (gateway.directory / "var" / "secret_key").unlink()
    from_environment = gateway.manage("backup", str(tmp_path / "two")).stdout

    assert f"keep {gateway.directory / 'var' / 'secret_key'}" in from_file
    assert "keep the value of SECRET_KEY" in from_environment
    assert SECRET not in from_environment


@pytest.mark.parametrize("there", ["directory", "file", "link"])
def test_nothing_is_overwritten(gateway: Gateway, tmp_path: Path, there: str):
    directory = tmp_path / "backup"
    if there == "directory":
        directory.mkdir()
        (directory / "precious").touch()
    elif there == "file":
        directory.write_text("precious")
    else:
        directory.symlink_to("nowhere")

    done = gateway.manage("backup", str(directory))

    assert done.returncode == 1
    assert "is there already: nothing is overwritten, name a new directory" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup"], "nothing is left"


@pytest.mark.parametrize("place", ["backup/secret", "there"])
def test_the_secret_goes_to_a_new_file_apart(gateway: Gateway, tmp_path: Path, place: str):
    (tmp_path / "there").touch()

    done = gateway.manage("backup", str(tmp_path / "backup"), "--secret", str(tmp_path / place))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "backup").exists()


def test_a_place_that_takes_nothing_is_one_line(gateway: Gateway):
    done = gateway.manage("backup", "/proc/backup")

    assert done.returncode == 1
    assert "/proc/backup" in done.stderr
    assert "cannot be written: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


@only_sqlite
def test_without_a_database_there_is_none_and_none_is_made(tmp_path: Path, gateway: Gateway):
    missing = tmp_path / "missing.sqlite3"
    gateway.environment["DATABASE_URL"] = f"sqlite:///{missing}"

    done = gateway.manage("backup", str(tmp_path / "backup"))

    assert f"There is no database yet: {missing} is missing" in done.stderr
    assert not missing.exists()


@only_postgresql
def test_without_pg_dump_it_says_what_to_install_or_to_run(gateway: Gateway, tmp_path: Path):
    gateway.environment["PATH"] = str(tmp_path)

    done = gateway.manage("backup", str(tmp_path / "backup"))

    assert (
        "pg_dump is not installed. Install PostgreSQL's client programs of version" in done.stderr
    )
    assert f"pg_dump --format=custom --file={tmp_path / 'backup' / COPY}" in done.stderr
    with psycopg.connect(gateway.database_url) as connection:
        assert str(connection.info.password) not in done.stderr
    assert not (tmp_path / "backup").exists()
