from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# In the order in which a running gateway locks them.
TABLES = ("HourlyUsage", "DailyUsage", "KeyTotal", "TokenUsage", "ModelHour", "MinuteUsage")
COLUMNS = ("cost_micros", "unpriced_tokens")


def count():
    return models.BigIntegerField(db_default=0, default=0)


def add_columns(apps, schema_editor):
    """As PostgreSQL does it, which touches no row: SQLite's own way copies the table for each."""
    for table in TABLES:
        model = apps.get_model("proxyapp", table)
        for name in COLUMNS:
            field = count()
            field.set_attributes_from_name(name)
            field.model = model
            BaseDatabaseSchemaEditor.add_field(schema_editor, model, field)


def drop_columns(apps, schema_editor):
    for table in TABLES:
        name = schema_editor.quote_name(apps.get_model("proxyapp", table)._meta.db_table)
        for column in COLUMNS:
            schema_editor.execute(f"ALTER TABLE {name} DROP COLUMN {column}")


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0039_request_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="free",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="What its keys are used for costs nothing: they are of a free tier.",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add_columns, drop_columns)],
            state_operations=[
                migrations.AddField(model_name=table.lower(), name=name, field=count())
                for table in TABLES
                for name in COLUMNS
            ],
        ),
    ]
