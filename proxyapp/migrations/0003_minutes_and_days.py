import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0002_provider_quotas'),
    ]

    operations = [
        migrations.CreateModel(
            name='Chore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, unique=True)),
                ('last_run_at', models.DateTimeField(help_text='When a process last took it on.')),
            ],
        ),
        migrations.CreateModel(
            name='MinuteUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requests', models.PositiveBigIntegerField(default=0)),
                ('succeeded', models.PositiveBigIntegerField(default=0)),
                ('rate_limited', models.PositiveBigIntegerField(default=0)),
                ('client_errors', models.PositiveBigIntegerField(default=0, help_text='4xx other than 429.')),
                ('upstream_errors', models.PositiveBigIntegerField(default=0, help_text='5xx, no connection, broken answers.')),
                ('cancelled', models.PositiveBigIntegerField(default=0, help_text='The client left first.')),
                ('prompt_tokens', models.PositiveBigIntegerField(default=0)),
                ('output_tokens', models.PositiveBigIntegerField(default=0)),
                ('minute', models.DateTimeField(help_text='Start of the minute, UTC.', unique=True)),
                ('answered', models.PositiveBigIntegerField(default=0, help_text='Requests of clients that got an answer.')),
                ('answered_well', models.PositiveBigIntegerField(default=0, help_text='With a status below 400.')),
                ('no_key', models.PositiveBigIntegerField(default=0, help_text="The gateway's own 503: no key was available.")),
                ('proxy_failed', models.PositiveBigIntegerField(default=0, help_text="The gateway's own 502: a group's proxy failed.")),
                ('latency_0', models.PositiveBigIntegerField(default=0)),
                ('latency_1', models.PositiveBigIntegerField(default=0)),
                ('latency_2', models.PositiveBigIntegerField(default=0)),
                ('latency_3', models.PositiveBigIntegerField(default=0)),
                ('latency_4', models.PositiveBigIntegerField(default=0)),
                ('latency_5', models.PositiveBigIntegerField(default=0)),
                ('latency_6', models.PositiveBigIntegerField(default=0)),
                ('latency_7', models.PositiveBigIntegerField(default=0)),
                ('latency_8', models.PositiveBigIntegerField(default=0)),
                ('latency_9', models.PositiveBigIntegerField(default=0)),
                ('latency_10', models.PositiveBigIntegerField(default=0)),
                ('latency_11', models.PositiveBigIntegerField(default=0)),
                ('latency_12', models.PositiveBigIntegerField(default=0)),
                ('latency_13', models.PositiveBigIntegerField(default=0)),
                ('latency_14', models.PositiveBigIntegerField(default=0)),
                ('latency_15', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'minute usage',
                'verbose_name_plural': 'minute usage',
                'ordering': ['-minute'],
            },
        ),
        migrations.CreateModel(
            name='DailyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requests', models.PositiveBigIntegerField(default=0)),
                ('succeeded', models.PositiveBigIntegerField(default=0)),
                ('rate_limited', models.PositiveBigIntegerField(default=0)),
                ('client_errors', models.PositiveBigIntegerField(default=0, help_text='4xx other than 429.')),
                ('upstream_errors', models.PositiveBigIntegerField(default=0, help_text='5xx, no connection, broken answers.')),
                ('cancelled', models.PositiveBigIntegerField(default=0, help_text='The client left first.')),
                ('prompt_tokens', models.PositiveBigIntegerField(default=0)),
                ('output_tokens', models.PositiveBigIntegerField(default=0)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('day', models.DateField(help_text='UTC.')),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='daily_usage', to='proxyapp.apikey')),
            ],
            options={
                'verbose_name': 'daily usage',
                'verbose_name_plural': 'daily usage',
                'ordering': ['-day', 'key_id', 'model'],
                'indexes': [models.Index(fields=['day'], name='proxyapp_da_day_6730b7_idx')],
                'constraints': [models.UniqueConstraint(fields=('key', 'day', 'model'), name='usage_one_row_a_day')],
            },
        ),
    ]
