from datetime import UTC, datetime

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

HOUR_SECONDS, HOURS, LIMIT = 3600, 24, 1 << 32
COLUMNS = (
    "requests",
    "succeeded",
    "rate_limited",
    "client_errors",
    "upstream_errors",
    "cancelled",
    "prompt_tokens",
    "output_tokens",
)
STAMPED = ("day_requests", "day_rate_limited", *(f"hour_{number}" for number in range(HOURS)))


def stamped():
    return models.BigIntegerField(db_default=0, default=0)


def add_columns(apps, schema_editor):
    """As PostgreSQL does it: SQLite's own way copies the table for each."""
    total = apps.get_model("proxyapp", "KeyTotal")
    for name in STAMPED:
        field = stamped()
        field.set_attributes_from_name(name)
        field.model = total
        BaseDatabaseSchemaEditor.add_field(schema_editor, total, field)


def drop_columns(apps, schema_editor):
    table = schema_editor.quote_name(apps.get_model("proxyapp", "KeyTotal")._meta.db_table)
    for name in STAMPED:
        schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN {name}")


def names(apps, schema_editor, *tables):
    return [
        schema_editor.quote_name(apps.get_model("proxyapp", table)._meta.db_table)
        for table in tables
    ]


def last_hours(schema_editor):
    """Numbers, and how their start is written."""
    last = int(datetime.now(UTC).timestamp()) // HOUR_SECONDS
    adapt = schema_editor.connection.ops.adapt_datetimefield_value
    for hour in range(last - HOURS + 1, last + 1):
        yield hour, adapt(datetime.fromtimestamp(hour * HOUR_SECONDS, UTC))


def add_up_models(apps, schema_editor):
    """Of the last day, a statement for an hour. What is older no page reads: the gateway adds it up
    when it looks its sums over, in its first hour."""
    sums, usage = names(apps, schema_editor, "ModelHour", "HourlyUsage")
    columns = ", ".join(COLUMNS)
    added = ", ".join(f"SUM({column})" for column in COLUMNS)
    for _, start in last_hours(schema_editor):
        schema_editor.execute(
            f"INSERT INTO {sums} (hour, model, {columns})"
            f" SELECT hour, model, {added} FROM {usage} WHERE hour = %s GROUP BY hour, model",
            [start],
        )
    apps.get_model("proxyapp", "Chore").objects.filter(name="recount").delete()


def add_up_keys(apps, schema_editor):
    """In one statement: PostgreSQL keeps a copy of each row for each time that it is written."""
    total, usage = names(apps, schema_editor, "KeyTotal", "HourlyUsage")
    hours = dict(last_hours(schema_editor))
    last, first = max(hours), hours[min(hours)]
    midnight = hours.get(last // HOURS * HOURS, first)
    base = last // HOURS * LIMIT
    sums = [
        ("SUM(requests)", "hour = %s", start, hour * LIMIT, f"hour_{hour % HOURS}")
        for hour, start in hours.items()
    ]
    sums += [
        (f"SUM({column})", "hour >= %s", midnight, base, f"day_{column}")
        for column in ("requests", "rate_limited")
    ]
    found = ", ".join(
        f"{low} + COALESCE({count} FILTER (WHERE {when}), 0) AS {name}"
        for count, when, _, low, name in sums
    )
    sets = ", ".join(f"{name} = lately.{name}" for *_, name in sums)
    schema_editor.execute(
        f"UPDATE {total} SET {sets} FROM (SELECT key_id AS id, {found} FROM {usage}"
        f" WHERE hour >= %s GROUP BY key_id) AS lately WHERE {total}.key_id = lately.id",
        [*(start for _, _, start, _, _ in sums), first],
    )


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0017_pool_change"),
    ]

    # The totals' table, which is altered and so locked until the end, comes last.
    operations = [
        migrations.CreateModel(
            name="ModelHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                *((column, models.PositiveBigIntegerField(default=0)) for column in COLUMNS[:3]),
                ("client_errors", models.PositiveBigIntegerField(default=0, help_text="4xx other than 429.")),
                ("upstream_errors", models.PositiveBigIntegerField(default=0, help_text="5xx, no connection, broken answers.")),
                ("cancelled", models.PositiveBigIntegerField(default=0, help_text="The client left first.")),
                *((column, models.PositiveBigIntegerField(default=0)) for column in COLUMNS[6:]),
                ("model", models.CharField(blank=True, max_length=100)),
                ("hour", models.DateTimeField(help_text="Start of the hour, UTC.")),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("hour", "model"), name="model_hour_one_row")],
            },
        ),
        migrations.RunPython(add_up_models, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add_columns, drop_columns)],
            state_operations=[
                migrations.AddField(model_name="keytotal", name=name, field=stamped())
                for name in STAMPED
            ],
        ),
        migrations.RunPython(add_up_keys, migrations.RunPython.noop),
    ]
