"""Whether the database was made by a newer version than this one: after a roll-back of the code."""

from collections.abc import Iterable

from django.db.migrations.loader import MigrationLoader

from gateway.places import COMMAND
from proxyapp.process.few_names import few_names
from proxyapp.process.start_error import StartError

MOST_NAMES = 3  # in one line
Migration = tuple[str, str]


def refuse_newer(loader: MigrationLoader) -> None:
    """Raises StartError."""
    unknown = unknown_migrations(loader)
    if not unknown:
        return
    names = few_names([f"{app}.{name}" for app, name in unknown], MOST_NAMES)
    commands = " && ".join(_ways_back(loader, {app for app, _ in unknown}))
    raise StartError(
        f"The database was changed by a newer version of the gateway ({names}), which this one does"
        " not know. Start the newer version; or restore the backup from before the upgrade; or take"
        f" the changes back with the newer version's code: {commands}"
    )


def unknown_migrations(loader: MigrationLoader) -> list[Migration]:
    """Those that were applied and that this code does not have."""
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known |= {(app, name) for app, name in migration.replaces}
    applied: Iterable[Migration] = loader.applied_migrations or ()
    return sorted(
        (app, name)
        for app, name in applied
        if app in loader.migrated_apps and (app, name) not in known
    )


def _ways_back(loader: MigrationLoader, apps: set[str]) -> list[str]:
    """The commands that take each app back to the last migration that this code knows."""
    leaves = dict(loader.graph.leaf_nodes())
    return [f"{COMMAND} migrate {app} {leaves[app]}" for app in sorted(apps)]
