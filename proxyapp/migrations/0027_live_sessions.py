from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0026_models_of_groups'),
    ]

    operations = [
        migrations.AddField(
            model_name='clienttoken',
            name='live_sessions',
            field=models.PositiveIntegerField(blank=True, help_text='Sessions of the Live API at a time, in each process. Empty: no limit.', null=True),
        ),
    ]
