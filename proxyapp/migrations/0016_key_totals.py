import django.db.models.deletion
from django.db import migrations, models

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


def add_up(apps, schema_editor):
    """One statement for all of them: ten million rows are added up in seconds."""
    tables = ("KeyTotal", "HourlyUsage", "DailyUsage", "ApiKey")
    total, hour, day, key = (
        schema_editor.quote_name(apps.get_model("proxyapp", table)._meta.db_table)
        for table in tables
    )
    names = ", ".join(COLUMNS)
    sums = ", ".join(f"SUM({column})" for column in COLUMNS)
    schema_editor.execute(
        f"INSERT INTO {total} (key_id, {names})"
        f" SELECT key_id, {sums} FROM (SELECT key_id, {names} FROM {hour}"
        f" UNION ALL SELECT key_id, {names} FROM {day}) AS kept"
        f" WHERE key_id IN (SELECT id FROM {key}) GROUP BY key_id"
    )


class Migration(migrations.Migration):

    dependencies = [
        ("proxyapp", "0015_wanted_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyTotal",
            fields=[
                ("requests", models.PositiveBigIntegerField(default=0)),
                ("succeeded", models.PositiveBigIntegerField(default=0)),
                ("rate_limited", models.PositiveBigIntegerField(default=0)),
                ("client_errors", models.PositiveBigIntegerField(default=0, help_text="4xx other than 429.")),
                ("upstream_errors", models.PositiveBigIntegerField(default=0, help_text="5xx, no connection, broken answers.")),
                ("cancelled", models.PositiveBigIntegerField(default=0, help_text="The client left first.")),
                ("prompt_tokens", models.PositiveBigIntegerField(default=0)),
                ("output_tokens", models.PositiveBigIntegerField(default=0)),
                ("key", models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="total", serialize=False, to="proxyapp.apikey")),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.RunPython(add_up, migrations.RunPython.noop),
    ]
