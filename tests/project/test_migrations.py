"""Migrations stand in one line, in the order of their numbers: an upgrade has one way to go."""

from importlib import import_module
from itertools import pairwise

from django.db.migrations.loader import MigrationLoader

from tests.support.roles import MIGRATIONS


def test_each_migration_follows_the_one_before_it() -> None:
    loader = MigrationLoader(None)
    names = sorted(name for app, name in loader.disk_migrations if app == "proxyapp")
    steps = [
        (loader.disk_migrations["proxyapp", later].dependencies, before)
        for before, later in pairwise(names)
    ]

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert [before for made, before in steps if ("proxyapp", before) not in made] == []


def test_the_tests_roles_have_what_all_migrations_grant() -> None:
    """Else a test that comes after one that empties the tables finds roles with less."""
    loader = MigrationLoader(None)
    granting = {
        name
        for (app, name), migration in loader.disk_migrations.items()
        if app == "proxyapp" and hasattr(import_module(migration.__module__), "grant")
    }

    assert granting | {"0004_roles"} == {name for name, _ in MIGRATIONS}
