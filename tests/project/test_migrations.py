"""Migrations stand in one line, in the order of their numbers: an upgrade has one way to go."""

from itertools import pairwise

from django.db.migrations.loader import MigrationLoader


def test_each_migration_follows_the_one_before_it() -> None:
    loader = MigrationLoader(None)
    names = sorted(name for app, name in loader.disk_migrations if app == "proxyapp")
    steps = [
        (loader.disk_migrations["proxyapp", later].dependencies, before)
        for before, later in pairwise(names)
    ]

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert [before for made, before in steps if ("proxyapp", before) not in made] == []
