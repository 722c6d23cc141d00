import proxyapp.models.sealed
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0033_sticky'),
    ]

    operations = [
        migrations.AddField(
            model_name='group',
            name='proxy_pool',
            field=proxyapp.models.sealed.SealedTextField(blank=True, help_text='Exits, one a line: each key has one of them for good.', null=True),
        ),
    ]
