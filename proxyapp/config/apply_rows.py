"""Makes rows that have a name and settings of their own what a config file says of them, in few
queries however many there are.
"""

from collections.abc import Callable, Sequence
from typing import Any

from proxyapp.config.apply import update_rows
from proxyapp.config.changed_fields import changed_fields
from proxyapp.config.report import Report
from proxyapp.models import AlertChannel, ModelPrice, Project
from proxyapp.vocabulary.setting_field import SettingField

Settable = Project | AlertChannel | ModelPrice


def apply_rows(
    model: type[Settable],
    wanted: Sequence[Any],
    fields: Sequence[SettingField],
    report: Report,
    *,
    prune: bool,
    same: Callable[[str], str] = str,
) -> None:
    """`prune`: what the file does not have goes. `same`: what names of one row have in common."""
    rows: Sequence[Settable] = list(model._default_manager.all())
    known = {same(row.name): row for row in rows}
    new: list[Any] = []
    changed: list[Any] = []
    for settings in wanted:
        values = {field.name: getattr(settings, field.name) for field in fields}
        row = known.pop(same(settings.name), None)
        if row is None:
            new.append(model(**values))
            report.created(new[-1])
        elif _change(row, values, fields, report):
            changed.append(row)
    model._default_manager.bulk_create(new)
    update_rows(changed, [field.name for field in fields])
    if prune:
        for row in known.values():
            report.removed(row)
        model._default_manager.filter(pk__in=[row.pk for row in known.values()]).delete()


def _change(
    row: Settable, values: dict[str, Any], fields: Sequence[SettingField], report: Report
) -> bool:
    """Whether it has to be written."""
    changes = changed_fields(row, values, fields)
    report.kept(row, changes)
    for name, value in values.items():
        setattr(row, name, value)
    return bool(changes)
