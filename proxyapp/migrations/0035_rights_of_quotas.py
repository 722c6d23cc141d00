from django.db import migrations

from proxyapp.migrations._roles import ACTIONS, ADMIN, OPERATOR, VIEWER, grant

SEEN = ('proxyapp.view_project', 'proxyapp.view_learnedlimit')
STEERS = ('proxyapp.add_project', 'proxyapp.change_project')


def grant_quotas(apps, schema_editor):
    """Everybody sees them; who steers groups sets the limits of projects."""
    grant(apps, VIEWER, SEEN)
    grant(apps, OPERATOR, [*SEEN, *STEERS])
    grant(apps, ADMIN, [*SEEN, *(f'proxyapp.{action}_project' for action in ACTIONS)])


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0034_exits_of_groups'),
    ]

    operations = [
        migrations.RunPython(grant_quotas, migrations.RunPython.noop, elidable=False),
    ]
