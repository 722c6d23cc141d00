import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from proxyapp.migrations._roles import ACTIONS, ADMIN, OPERATOR, VIEWER, grant

TOKENS = ('clienttoken', 'tokenusage')


def grant_tokens(apps, schema_editor):
    """Everybody sees who may use the gateway; only Admin lets somebody in or out."""
    for role in (VIEWER, OPERATOR):
        grant(apps, role, [f'proxyapp.view_{model}' for model in TOKENS])
    of_admin = (*TOKENS, 'tokenwindow')
    grant(apps, ADMIN, [f'proxyapp.{action}_{model}' for action in ACTIONS for model in of_admin])


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0005_priority_and_weight'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClientToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('masked', models.CharField(editable=False, max_length=20)),
                ('is_limited_to_groups', models.BooleanField(default=False, help_text='A flag of its own: when its last group is deleted, a token must not be let into all.')),
                ('allowed_models', models.JSONField(blank=True, default=list, help_text='Names of models, * for any part: gemini-2.5-*. Empty: every model.')),
                ('requests_per_minute', models.PositiveIntegerField(blank=True, help_text='Empty: no limit.', null=True)),
                ('requests_per_day', models.PositiveIntegerField(blank=True, help_text='A day in UTC. Empty: no limit.', null=True)),
                ('tokens_per_day', models.PositiveBigIntegerField(blank=True, help_text='Prompt and output tokens, a day in UTC. Empty: no limit.', null=True)),
                ('expires_at', models.DateTimeField(blank=True, help_text='Empty: never.', null=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('allowed_groups', models.ManyToManyField(blank=True, help_text='Whose keys it may use, if it is limited to groups.', related_name='tokens', to='proxyapp.group')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='TokenUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(blank=True, max_length=100)),
                ('day', models.DateField(help_text='UTC.')),
                ('requests', models.PositiveBigIntegerField(default=0)),
                ('succeeded', models.PositiveBigIntegerField(default=0)),
                ('refused', models.PositiveBigIntegerField(default=0, help_text='By a limit of the token.')),
                ('prompt_tokens', models.PositiveBigIntegerField(default=0)),
                ('output_tokens', models.PositiveBigIntegerField(default=0)),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='usage', to='proxyapp.clienttoken')),
            ],
            options={
                'verbose_name': 'token usage',
                'verbose_name_plural': 'token usage',
                'ordering': ['-day', 'token_id', 'model'],
            },
        ),
        migrations.CreateModel(
            name='TokenWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seconds', models.PositiveIntegerField(help_text='60: a minute. 86400: a day in UTC.')),
                ('started_at', models.DateTimeField(help_text='UTC.')),
                ('granted', models.PositiveBigIntegerField(default=0)),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='proxyapp.clienttoken')),
            ],
        ),
        migrations.AddConstraint(
            model_name='clienttoken',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='token_name_unique', violation_error_message='This name is taken (case does not count).'),
        ),
        migrations.AddConstraint(
            model_name='clienttoken',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='token_name_not_empty'),
        ),
        migrations.AddIndex(
            model_name='tokenusage',
            index=models.Index(fields=['day'], name='proxyapp_to_day_db89df_idx'),
        ),
        migrations.AddConstraint(
            model_name='tokenusage',
            constraint=models.UniqueConstraint(fields=('token', 'day', 'model'), name='token_usage_one_row_a_day'),
        ),
        migrations.AddConstraint(
            model_name='tokenwindow',
            constraint=models.UniqueConstraint(fields=('token', 'seconds'), name='token_window_one_row'),
        ),
        migrations.RunPython(grant_tokens, migrations.RunPython.noop, elidable=False),
    ]
