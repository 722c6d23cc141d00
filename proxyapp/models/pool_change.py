"""What the pool's versions changed: processes apply it instead of reading the pool again."""

from django.db import models


class PoolChange(models.Model):
    """One of each version. `proxyapp.pool.change_log` alone writes and reads here."""

    version = models.PositiveBigIntegerField(primary_key=True)
    stamp = models.PositiveBigIntegerField(
        help_text="The version's: another history comes to the same number with another one."
    )
    touched = models.JSONField(null=True, help_text="Empty: anything, so all is read again.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"version {self.version}"
