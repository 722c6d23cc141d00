"""Makes rows that have a name and settings of their own what a config file says of them."""

from collections.abc import Callable, Sequence
from typing import Any

from proxyapp.config.changed_fields import changed_fields
from proxyapp.config.report import Report
from proxyapp.models import AlertChannel, Project
from proxyapp.vocabulary.setting_field import SettingField


def apply_rows(
    model: type[Project] | type[AlertChannel],
    wanted: Sequence[Any],
    fields: Sequence[SettingField],
    report: Report,
    *,
    prune: bool,
    same: Callable[[str], str] = str,
) -> None:
    """`prune`: what the file does not have goes. `same`: what names of one row have in common."""
    rows: Sequence[Project | AlertChannel] = list(model._default_manager.all())
    known = {same(row.name): row for row in rows}
    for settings in wanted:
        values = {field.name: getattr(settings, field.name) for field in fields}
        row = known.pop(same(settings.name), None)
        if row is None:
            report.created(model._default_manager.create(**values))
        else:
            _change(row, values, fields, report)
    if prune:
        for row in known.values():
            report.removed(row)
        model._default_manager.filter(pk__in=[row.pk for row in known.values()]).delete()


def _change(
    row: Project | AlertChannel,
    values: dict[str, Any],
    fields: Sequence[SettingField],
    report: Report,
) -> None:
    changes = changed_fields(row, values, fields)
    report.kept(row, changes)
    if changes:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=[*values, "updated_at"])
