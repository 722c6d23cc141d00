"""What keys were called whose rows are gone: their usage outlives them."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _


class RemovedKey(models.Model):
    """`key_id` is that of its rows of usage; no id is given twice."""

    key_id = models.BigIntegerField(primary_key=True)
    label = models.CharField(max_length=130, help_text="Its name and masked form.")
    group = models.CharField(max_length=100)
    removed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return _("%(name)s, removed") % {"name": self.label}
