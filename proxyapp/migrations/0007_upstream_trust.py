from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0006_client_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='group',
            name='ca_certificates',
            field=models.TextField(blank=True, default='', help_text='Further certificate authorities (PEM) for the target and for a proxy with TLS.'),
        ),
        migrations.AddField(
            model_name='group',
            name='allow_link_local',
            field=models.BooleanField(default=False, help_text='Whether the target may be at a link-local or cloud metadata address.'),
        ),
    ]
