"""A database of its own for programs that share one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import forked_process, postgres
from tests.support.gateway import ROOT


@contextmanager
def shared_database(directory: Path, filling: str) -> Iterator[dict[str, str]]:
    """The environment of those programs. `filling`: what Django's shell runs first."""
    url = (
        postgres.fresh_database()
        if postgres.ON_POSTGRESQL
        else f"sqlite:///{directory / 'db.sqlite3'}"
    )
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "VAR_DIR": str(directory),
        "DJANGO_SETTINGS_MODULE": "gateway.settings",
        # A wrong kind of transaction fails at once, a busy machine may take its time.
        "SQLITE_TIMEOUT_SECONDS": "60",
    }
    try:
        run(environment, "manage.py", "migrate", "-v0")
        run(environment, "manage.py", "shell", "-v0", "-c", filling)
        yield environment
    finally:
        if postgres.ON_POSTGRESQL:
            postgres.drop_database(url)


def run(environment: dict[str, str], *arguments: str) -> str:
    """What it prints."""
    done = forked_process.run(arguments, cwd=ROOT, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "locked" not in done.stderr
    return done.stdout
