from django.db import migrations, models

WAYS = ["auto", "google", "both", "x-goog-api-key", "bearer", "x-api-key", "api-key"]


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0024_shared_resources"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="group", name="group_auth_known"),
        migrations.AlterField(
            model_name="group",
            name="auth",
            field=models.CharField(default="auto", max_length=80),
        ),
        migrations.AddConstraint(
            model_name="group",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("auth__in", WAYS),
                    ("auth__startswith", "header:"),
                    ("auth__startswith", "query:"),
                    _connector="OR",
                ),
                name="group_auth_known",
            ),
        ),
    ]
