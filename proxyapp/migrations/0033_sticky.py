from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0032_quota_shares'),
    ]

    operations = [
        migrations.AddField(
            model_name='group',
            name='sticky',
            field=models.CharField(blank=True, choices=[('session', 'session: the name that a client gives it'), ('prefix', 'prefix: that name, or else what the prompt begins with')], db_default='', default='', help_text="What a conversation is known by, so that it stays at one project, where the provider's cache has what it began with. Empty: every request takes turns.", max_length=10),
        ),
    ]
