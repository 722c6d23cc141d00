from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0044_rights_of_alerts'),
    ]

    operations = [
        migrations.AddField(
            model_name='group',
            name='enabled',
            field=models.BooleanField(db_default=True, default=True, help_text='Off: none of its keys answers, whatever their own state is.'),
        ),
        migrations.AddField(
            model_name='group',
            name='off_until',
            field=models.DateTimeField(blank=True, editable=False, help_text='Off, and then on again by itself.', null=True),
        ),
    ]
