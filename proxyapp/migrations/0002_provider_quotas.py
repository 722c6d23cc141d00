from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='ratelimitevent',
            name='project',
            field=models.CharField(blank=True, help_text='All keys of this project are out. Empty: only the key itself.', max_length=100),
        ),
        migrations.AddField(
            model_name='ratelimitevent',
            name='quota_id',
            field=models.CharField(blank=True, help_text="The provider's name of the quota.", max_length=200),
        ),
        migrations.AddField(
            model_name='ratelimitevent',
            name='quota_limit',
            field=models.CharField(blank=True, help_text="The provider's limit, as it wrote it.", max_length=40),
        ),
        migrations.AddField(
            model_name='ratelimitevent',
            name='stated_delay_seconds',
            field=models.FloatField(blank=True, help_text='The delay that the provider stated.', null=True),
        ),
        migrations.AlterField(
            model_name='ratelimitevent',
            name='model',
            field=models.CharField(blank=True, help_text='Empty: every model. With a slash in front, an endpoint that names no model, such as /batches.', max_length=100),
        ),
        migrations.AddIndex(
            model_name='ratelimitevent',
            index=models.Index(condition=models.Q(('project', ''), _negated=True), fields=['project'], name='event_of_project'),
        ),
    ]
