"""Where the rotation stands."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.models.api_key import ApiKey


class RotationCursor(models.Model):
    """Where a ring's rotation stands. `proxyapp.pool.cursor` alone writes here."""

    ring = models.CharField(
        max_length=120,
        unique=True,
        help_text=_("Empty: all groups. `group:7`: the keys of group 7."),
    )
    position = models.PositiveBigIntegerField(
        default=0, help_text=_("The next slot that no lease has taken.")
    )
    size = models.PositiveIntegerField(
        default=0, help_text=_("The number of keys that the position counts in.")
    )
    next_key = models.ForeignKey(
        ApiKey,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Whose turn it is."),
    )
    pool_version = models.PositiveBigIntegerField(
        default=0,
        help_text=_(
            "Raised by every change of keys, groups or cooldowns (in the row of all groups)."
        ),
    )
    pool_stamp = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text=_("A random number of each version: not that of another history."),
    )

    def __str__(self) -> str:
        return self.ring or gettext("all groups")
