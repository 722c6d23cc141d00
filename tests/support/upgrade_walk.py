"""Takes an empty database from its first version to the present, and adds a row to each table at
every version on the way: `manage.py shell` runs it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

BEGIN = datetime(2100, 1, 1, tzinfo=UTC)
APP = "proxyapp"
Model = type[models.Model]


class Rows:
    """`made`: how many of each model."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self._number = 0

    def add(self, model: Model) -> models.Model:
        values = {
            column.attname: value
            for column in model._meta.concrete_fields
            if (value := self._value(column)) is not None
        }
        row = model(**values)
        row.save(force_insert=True)
        name = model._meta.model_name or ""
        self.made[name] = self.made.get(name, 0) + 1
        return row

    def _value(self, column: Any) -> Any:
        """None: the column's default, its own number or nothing."""
        if isinstance(column, models.AutoField):
            return None
        if column.is_relation:
            return self._related(column)
        if column.has_default() and not column.unique:
            return None
        return self._new(column)

    def _related(self, column: Any) -> Any:
        """A new row where it is another's only one."""
        model = column.related_model
        if column.unique or (last := model._base_manager.last()) is None:
            return self.add(model).pk
        return last.pk

    def _new(self, column: Any) -> Any:
        self._number = number = self._number + 1  # what ends is later than what begins
        if isinstance(column, models.DateTimeField):
            return BEGIN + timedelta(hours=number)
        if isinstance(column, models.DateField):
            return (BEGIN + timedelta(days=number)).date()
        if isinstance(column, models.BooleanField):
            return False
        if isinstance(column, models.IntegerField):
            return number
        if isinstance(column, models.FloatField | models.DecimalField):
            return float(number)
        if isinstance(column, models.JSONField):
            return {}
        if column.choices:
            return column.choices[0][0]
        return f"{number}"[-(column.max_length or 20) :]


def walk() -> dict[str, tuple[int, int]]:
    """How many rows of each model were made, and how many the present version reads."""
    rows = Rows()
    executor = MigrationExecutor(connection)
    executor.recorder.ensure_schema()
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    state = ProjectState(real_apps=executor.loader.unmigrated_apps)
    plan.sort(key=lambda step: step[0].app_label == APP)  # Django's own first
    for migration, _ in plan:
        state = executor.apply_migration(state, migration)
        if migration.app_label == APP:
            with transaction.atomic():
                for model in state.apps.get_app_config(APP).get_models():
                    rows.add(model)
    connection.check_constraints()
    present = {model._meta.model_name: model for model in apps.get_models()}
    return {
        name: (made, len(present[name]._base_manager.all())) for name, made in rows.made.items()
    }
