"""In which currency amounts are kept, and since when."""

from django.db import models


class CurrencyChange(models.Model):
    """From `day` on amounts are in it; those of the day itself may be in the one before, too.

    `proxyapp.costs.currencies` alone writes here: a row for each day on which CURRENCY changed.
    """

    currency = models.CharField(max_length=3)
    day = models.DateField(help_text="Of UTC.")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "day"], name="currency_change_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.currency} since {self.day}"
