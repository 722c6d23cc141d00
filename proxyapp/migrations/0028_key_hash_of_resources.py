from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0027_live_sessions'),
    ]

    operations = [
        migrations.AddField(
            model_name='resource',
            name='key_hash',
            field=models.CharField(blank=True, db_default='', default='', help_text="The key's: one that is deleted and added again has another id.", max_length=64),
        ),
    ]
