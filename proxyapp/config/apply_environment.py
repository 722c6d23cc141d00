"""The keys of the environment to database.

Variables say nothing but keys: what operators made of the group and of its keys stays.
"""

from dataclasses import replace
from pathlib import Path

from proxyapp.config.apply import Database
from proxyapp.config.contents import GroupConfig, KeyConfig
from proxyapp.config.each_key_once import each_key_once
from proxyapp.config.importing import hashes_of_placed, run_locked
from proxyapp.config.last_import import LastImport
from proxyapp.config.missing import take_out_missing
from proxyapp.config.report import Report
from proxyapp.models import ApiKey, audit
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS

# What was taken from it is remembered by this name, as that of a config file is by its path.
ENVIRONMENT = Path("/proc/self/environ")


def apply_environment(given: GroupConfig, *, by: audit.Actor = audit.START) -> Report:
    """Does nothing where the variables hold the same keys as the last time. Raises ConfigError."""
    report = Report()
    groups = each_key_once([given], report)

    def work() -> Touched | None:
        last = LastImport(ENVIRONMENT)
        if last.has_same(groups[0]):
            report.groups.unchanged, report.keys.unchanged = 1, len(groups[0].api_keys)
            return Touched()
        database = Database(report)
        placed = database.apply([_as_it_is(groups[0], database)], _at_the_end, None)
        take_out_missing(database, groups, last, None)
        last.remember(groups, hashes_of_placed(placed))
        return database.touched

    run_locked(work, report, ENVIRONMENT, by)
    return report


def _as_it_is(given: GroupConfig, database: Database) -> GroupConfig:
    """The settings of the group and the keys that there are, in place of the defaults."""
    group = database.groups.get(given.name.lower())
    keys = tuple(_key_as_it_is(key, database.known(key.secret)) for key in given.api_keys)
    if group is None:
        return replace(given, api_keys=keys)
    settings = {field.name: getattr(group, field.name) for field in GROUP_FIELDS}
    return GroupConfig(**settings, api_keys=keys)


def _key_as_it_is(given: KeyConfig, row: ApiKey | None) -> KeyConfig:
    if row is None:
        return given
    return KeyConfig(given.secret, **{field.name: getattr(row, field.name) for field in KEY_FIELDS})


def _at_the_end(there: list[str], new: list[str]) -> list[str]:
    return [*there, *new]
