"""Config file to database: the whole file at once (`import_config`), or what changed in it
(`apply_changes`).

Either is one transaction under the lock of the rotation's row, so that processes that start
together take turns.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from django.db import DataError, IntegrityError, transaction
from django.utils.translation import override

from proxyapp.config.apply import Database, Progress
from proxyapp.config.apply_alerts import apply_alerts
from proxyapp.config.apply_prices import apply_prices
from proxyapp.config.apply_projects import apply_projects
from proxyapp.config.each_key_once import each_key_once
from proxyapp.config.file import Config, ConfigError, GroupConfig, load
from proxyapp.config.last_import import ALERTS, PRICES, PROJECTS, LastImport
from proxyapp.config.limit_warnings import limit_warnings
from proxyapp.config.missing import take_out_missing
from proxyapp.config.report import Report
from proxyapp.models import ApiKey, audit
from proxyapp.models.priorities import spills_to_nobody
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.languages import PLAIN

__all__ = ["Report", "apply_changes", "import_config"]

BY_COMMAND = audit.command("import_config")


def import_config(
    config: Config,
    *,
    source: Path,
    prune: bool = False,
    takes_out: bool = True,
    dry_run: bool = False,
    progress: Progress | None = None,
    by: audit.Actor = BY_COMMAND,
) -> Report:
    """Makes the database follow the file whole. `progress` gets the keys written and the keys of
    the file.

    `takes_out`: disables what the source had at its last import and has no more. `prune` removes
    all that the file does not have. Raises ConfigError when a constraint of the database refuses
    the file, or when it would take out more than half of the keys that came from it.
    """
    report = Report()
    groups = each_key_once(config.groups, report)

    def work() -> Touched | None:
        touched = apply_projects(config.projects, report, prune=prune)
        apply_alerts(config.alerts, report, prune=prune)
        touched |= apply_prices(config.prices, report, prune=prune)
        other = _import_whole(
            groups, source, report, prune=prune, takes_out=takes_out, progress=progress
        )
        LastImport(source).remember_parts(config)
        report.warnings += limit_warnings(groups, config.projects)
        return None if other is None else touched | other

    run_locked(work, report, source, by, dry_run=dry_run)
    return report


def apply_changes(
    path: Path, config: Config | None = None, *, by: audit.Actor = audit.START
) -> Report:
    """Applies the groups that the file describes in other words than at its last import; the first
    time, all of them. `config`: what it says; None: it is read first.

    Raises ConfigError.
    """
    config = config or load(path)
    report = Report()
    groups = each_key_once(config.groups, report)

    def work() -> Touched | None:
        last, touched = LastImport(path), Touched()
        if not last.has_same_part(PROJECTS, config):
            touched = apply_projects(config.projects, report, prune=False)
        if not last.has_same_part(ALERTS, config):
            apply_alerts(config.alerts, report, prune=False)
        if not last.has_same_part(PRICES, config):
            touched |= apply_prices(config.prices, report, prune=False)
        if last.rows:
            other = _import_changed(groups, last, report, path)
        else:
            other = _import_whole(groups, path, report, prune=False, takes_out=False)
        last.remember_parts(config)
        return None if other is None else touched | other

    run_locked(work, report, path, by)
    return report


def run_locked(
    work: Callable[[], Touched | None],
    report: Report,
    source: Path,
    by: audit.Actor,
    *,
    dry_run: bool = False,
) -> None:
    try:
        with transaction.atomic():
            lock_pool()
            touched = work()
            report.warnings += spills_to_nobody()
            if report.changed:
                raise_pool_version(touched)
                _audit(report, source, by)
            if dry_run:
                transaction.set_rollback(True)
    except (IntegrityError, DataError) as error:
        refusal = str(error).partition("\n")[0]
        raise ConfigError(
            [_("the database refuses the file, nothing is imported: %(why)s") % {"why": refusal}]
        ) from error


def _audit(report: Report, source: Path, by: audit.Actor) -> None:
    with override(PLAIN):  # what is kept is in one language
        audit.record_whole(
            by, "import", audit.CONFIG_FILE, label=str(source), detail=report.summary()
        )
        audit.record_each(by, report.changes)


def _import_whole(
    groups: Sequence[GroupConfig],
    source: Path,
    report: Report,
    *,
    prune: bool,
    takes_out: bool,
    progress: Progress | None = None,
) -> Touched | None:
    last = LastImport(source)
    database = Database(report)
    names = _names(groups)
    placed = database.apply(groups, lambda there, new: _file_first(there, new, names), progress)
    if prune:
        _prune(database, placed)
    elif takes_out:
        take_out_missing(database, groups, last, source)
    last.remember(groups, hashes_of_placed(placed))
    return database.touched


def _prune(database: Database, placed: dict[str, list[ApiKey]]) -> None:
    kept = {key.pk for keys in placed.values() for key in keys}
    keys = [
        key
        for members in database.members.values()
        for key in members.values()
        if key.pk not in kept
    ]
    count = sum(map(len, database.members.values()))
    if len(keys) * 2 > count:
        text = _("removes %(removed)s of the %(count)s keys that there are")
        database.report.warnings.append(text % {"removed": len(keys), "count": count})
    database.remove_keys(keys)
    database.remove_groups([name for name in database.groups if name not in placed])


def _import_changed(
    groups: Sequence[GroupConfig], last: LastImport, report: Report, path: Path
) -> Touched | None:
    changed = [group for group in groups if not last.has_same(group)]
    same = [group for group in groups if last.has_same(group)]
    report.groups.unchanged += len(same)
    report.keys.unchanged += sum(len(group.api_keys) for group in same)
    has_same_order = last.has_same_order(groups)
    if not changed and not last.left_names(groups) and has_same_order:
        last.remember(groups, {})
        return Touched()
    database = Database(report)
    names = _names(groups)
    arranged = _beside_neighbours if has_same_order else _file_first
    placed = database.apply(changed, lambda there, new: arranged(there, new, names), None)
    take_out_missing(database, groups, last, path)
    last.remember(groups, hashes_of_placed(placed))
    return database.touched


def _names(groups: Sequence[GroupConfig]) -> list[str]:
    return [group.name.lower() for group in groups]


def hashes_of_placed(placed: dict[str, list[ApiKey]]) -> dict[str, list[str]]:
    return {name: [key.key_hash for key in keys] for name, keys in placed.items()}


def _file_first(there: list[str], new: list[str], names: list[str]) -> list[str]:
    """The groups of the file in its order, then the others."""
    present = {*there, *new}
    return list(dict.fromkeys([*(name for name in names if name in present), *there]))


def _beside_neighbours(there: list[str], new: list[str], names: list[str]) -> list[str]:
    """Keeps the order that there is; a new group goes behind the group that precedes it in the
    file.
    """
    sequence = list(there)
    old, added = set(there), set(new)
    place = 0
    for name in names:
        if name in added:
            sequence.insert(place, name)
            place += 1
        elif name in old:
            place = sequence.index(name) + 1
    return sequence
