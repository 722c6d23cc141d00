from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def not_allowed():
    return models.BigIntegerField(
        db_default=0,
        default=0,
        help_text="Refused for a model or a group that the token is not for.",
    )


def add_column(apps, schema_editor):
    """As PostgreSQL does it: SQLite's own way copies the table."""
    usage = apps.get_model("proxyapp", "TokenUsage")
    field = not_allowed()
    field.set_attributes_from_name("not_allowed")
    field.model = usage
    BaseDatabaseSchemaEditor.add_field(schema_editor, usage, field)


def drop_column(apps, schema_editor):
    name = schema_editor.quote_name(apps.get_model("proxyapp", "TokenUsage")._meta.db_table)
    schema_editor.execute(f"ALTER TABLE {name} DROP COLUMN not_allowed")


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0021_llm_token_parts"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add_column, drop_column)],
            state_operations=[
                migrations.AddField(
                    model_name="tokenusage", name="not_allowed", field=not_allowed()
                ),
            ],
        ),
    ]
