from django.db import migrations

from proxyapp.migrations._roles import ACTIONS, ADMIN, OPERATOR, VIEWER, grant

SEEN = ('proxyapp.view_alertchannel',)
TESTED = (*SEEN, 'proxyapp.test_alertchannel')


def grant_alerts(apps, schema_editor):
    """Where messages go, and so what leaves the machine, is an Admin's to say."""
    grant(apps, VIEWER, SEEN)
    grant(apps, OPERATOR, TESTED)
    grant(apps, ADMIN, [*TESTED, *(f'proxyapp.{action}_alertchannel' for action in ACTIONS)])


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0043_alert_channels'),
    ]

    operations = [
        migrations.RunPython(grant_alerts, migrations.RunPython.noop, elidable=False),
    ]
