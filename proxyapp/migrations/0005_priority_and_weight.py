import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proxyapp', '0004_roles'),
    ]

    operations = [
        migrations.AddField(
            model_name='group',
            name='priority',
            field=models.PositiveSmallIntegerField(default=0, help_text='0 comes first. Groups with a higher number answer only when no key of a lower one can.', validators=[django.core.validators.MaxValueValidator(100)]),
        ),
        migrations.AddField(
            model_name='group',
            name='weight',
            field=models.PositiveSmallIntegerField(default=1, help_text='How many turns each of its keys gets in a round, 1 to 10.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)]),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.CheckConstraint(condition=models.Q(('weight__range', (1, 10))), name='group_weight_bounded'),
        ),
    ]
