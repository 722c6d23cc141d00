from django.db import migrations, models


def budget(what):
    return models.PositiveBigIntegerField(
        blank=True,
        help_text=f"Millionths of the currency's unit. {what} Empty: no budget.",
        null=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0041_requests_of_events"),
    ]

    operations = [
        migrations.AddField("clienttoken", "cost_per_day", budget("A day in UTC.")),
        migrations.AddField("clienttoken", "cost_per_month", budget("A month in UTC.")),
    ]
