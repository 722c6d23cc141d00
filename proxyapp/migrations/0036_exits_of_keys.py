import proxyapp.models.sealed
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0035_rights_of_quotas'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='proxy_url',
            field=proxyapp.models.sealed.SealedTextField(blank=True, null=True),
        ),
    ]
