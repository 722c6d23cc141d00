"""The database of another version: an older one is brought up to date, a newer one is refused."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, Gateway, group
from tests.support.gateway_database import rows
from tests.support.other_versions import next_version

SECRET = {"SECRET_KEY": "one-secret-for-all-of-them-0123456789-0123456789"}
CONFIG = {"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:9")]}
# The versions that brought these: with few tables, before the rooms, and after them.
OLD_VERSIONS = ["0005_priority_and_weight", "0009_spool_marks", "0010_key_probes"]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Not started; its database is empty."""
    gateway = Gateway(CONFIG, env=SECRET, is_migrated=False)
    try:
        yield gateway
    finally:
        gateway.close()


def run_version(tree: Path, gateway: Gateway, *arguments: str) -> None:
    """Runs a command of the version in `tree` on the gateway's database."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=tree,
        env=gateway.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def version_of(migration: str, directory: Path) -> Path:
    """The tree of the commit that brought the migration."""
    git = ["git", "-C", str(ROOT)]
    path = f"proxyapp/migrations/{migration}.py"
    log = [*git, "log", "--diff-filter=A", "--format=%H", "--", path]
    found = subprocess.run(log, capture_output=True, text=True, check=False)
    if not found.stdout.split():
        pytest.skip("no history here")
    archive = [*git, "archive", found.stdout.split()[-1]]
    packed = subprocess.run(archive, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(directory)], input=packed.stdout, check=True)
    return directory


@pytest.mark.parametrize("migration", OLD_VERSIONS)
def test_the_database_of_an_older_version_is_brought_up_to_date(
    gateway: Gateway, tmp_path: Path, migration: str
):
    tree = version_of(migration, tmp_path)
    run_version(tree, gateway, "migrate", "--verbosity", "0")
    run_version(tree, gateway, "import_config", str(gateway.config_path))

    gateway.start()

    assert "The database was brought up to date" in gateway.output()
    assert "Keys:  2 in 1 group" in gateway.output()
    assert [key["state"] for key in gateway.keys()] == ["available", "available"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_that_of_a_newer_version_is_refused_with_the_ways_out_which_are_ways_out(
    gateway: Gateway, tmp_path: Path, workers: str
):
    tree, last = next_version(tmp_path)
    run_version(tree, gateway, "serve", "--prepare", "--config", str(gateway.config_path))
    back = f"python manage.py migrate proxyapp {last}"

    refused = gateway.manage("serve", "--port", str(gateway.port), "--workers", workers)

    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "changed by a newer version of the gateway (proxyapp.9999_colour)" in line
    assert "Start the newer version; or restore the backup" in line
    assert line.endswith(f"with the newer version's code: {back}")
    run_version(tree, gateway, *back.split()[2:])
    gateway.start()
    assert "Keys:  2 in 1 group" in gateway.output()


def test_a_refused_start_changes_nothing(gateway: Gateway):
    assert gateway.manage("migrate", "--verbosity", "0").returncode == 0
    add_migration = (
        "from django.db.migrations.recorder import MigrationRecorder as R;"
        "from django.db import connection; R(connection).record_applied('proxyapp', '0999_later')"
    )
    assert gateway.manage("shell", "--no-imports", "-c", add_migration).returncode == 0

    refused = gateway.manage("serve", "--port", str(gateway.port))

    assert "(proxyapp.0999_later)" in refused.stderr
    assert rows(gateway, "SELECT count(*) FROM auth_user") == [(0,)]
