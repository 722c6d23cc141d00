from django.db import migrations

from proxyapp.migrations._roles import ACTIONS, ADMIN, OPERATOR, VIEWER, grant

SEEN = ('proxyapp.view_modelprice',)
STEERS = ('proxyapp.add_modelprice', 'proxyapp.change_modelprice')


def grant_prices(apps, schema_editor):
    """Everybody sees them; who steers groups sets them."""
    grant(apps, VIEWER, SEEN)
    grant(apps, OPERATOR, [*SEEN, *STEERS])
    grant(apps, ADMIN, [*SEEN, *(f'proxyapp.{action}_modelprice' for action in ACTIONS)])


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0047_prices'),
    ]

    operations = [
        migrations.RunPython(grant_prices, migrations.RunPython.noop, elidable=False),
    ]
