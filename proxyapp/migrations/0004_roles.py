import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from proxyapp.migrations._roles import ACTIONS, ADMIN, OPERATOR, VIEWER, make, make_permissions

SEEN = (
    'apikey',
    'group',
    'ratelimitevent',
    'hourlyusage',
    'dailyusage',
    'minuteusage',
    'rotationcursor',
    'auditentry',
)
LOOKS = tuple(f'proxyapp.view_{model}' for model in SEEN)
STEERS = (
    'proxyapp.add_apikey',
    'proxyapp.change_apikey',
    'proxyapp.add_group',
    'proxyapp.change_group',
    'proxyapp.change_ratelimitevent',
    'proxyapp.import_config',
)
ACCOUNTS = tuple(f'auth.{action}_{model}' for model in ('user', 'group') for action in ACTIONS)


def make_roles(apps, schema_editor):
    make(apps, VIEWER, LOOKS)
    make(apps, OPERATOR, (*LOOKS, *STEERS))
    make_permissions(apps)
    known = apps.get_model('auth', 'Permission').objects.filter(content_type__app_label='proxyapp')
    make(apps, ADMIN, (*ACCOUNTS, *(f'proxyapp.{permission.codename}' for permission in known)))


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0003_minutes_and_days'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='apikey',
            options={'ordering': ['group__position', 'group_id', 'position', 'id'], 'permissions': [('view_secret', 'Can see API keys in clear')], 'verbose_name': 'API key'},
        ),
        migrations.AlterModelOptions(
            name='group',
            options={'ordering': ['position', 'id'], 'permissions': [('import_config', 'Can import a config file'), ('export_config', 'Can export a config file, with the API keys in clear')]},
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('actor', models.CharField(help_text="A user's name, `command: …`, or `start`.", max_length=150)),
                ('action', models.CharField(max_length=20)),
                ('object_type', models.CharField(max_length=30)),
                ('object_id', models.CharField(blank=True, max_length=40)),
                ('label', models.CharField(blank=True, help_text='What the object was called; keys masked.', max_length=200)),
                ('detail', models.TextField(blank=True)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit log',
                'ordering': ['-at', '-id'],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['-at', '-id'], name='audit_newest'), models.Index(fields=['object_type', 'object_id', '-at'], name='audit_of_object'), models.Index(fields=['actor', '-at'], name='audit_of_actor'), models.Index(fields=['action', '-at'], name='audit_of_action')],
            },
        ),
        migrations.RunPython(make_roles, migrations.RunPython.noop, elidable=False),
    ]
