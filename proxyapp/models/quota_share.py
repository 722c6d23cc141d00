"""How processes share the providers' limits."""

from django.db import models


class QuotaHolder(models.Model):
    """A process that holds shares of limits; what one that is gone held comes back."""

    name = models.CharField(max_length=200, help_text="The machine and the process.")
    seen_at = models.DateTimeField(help_text="By the database's clock.")

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["seen_at"], name="quota_holder_by_date")]

    def __str__(self) -> str:
        return self.name


class QuotaShare(models.Model):
    """How much of a limit one process may use in any of its windows.

    `capacity`: of a rolling minute and of what is under way, all that it may have in one; of a day,
    what it may still use, and what it used and has not written down yet.
    """

    holder = models.ForeignKey(QuotaHolder, on_delete=models.CASCADE, related_name="shares")
    owner = models.CharField(max_length=120)
    model = models.CharField(max_length=100, blank=True)
    meter = models.CharField(max_length=40)
    capacity = models.PositiveBigIntegerField(default=0)
    used = models.PositiveBigIntegerField(default=0, help_text="Of the window, when it was told.")
    told_at = models.DateTimeField()
    wanted_at = models.DateTimeField(
        null=True, help_text="When the process got less than it asked for."
    )

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "owner", "model", "meter"], name="quota_share_once"
            )
        ]
        indexes = [
            models.Index(fields=["owner", "model", "meter"], name="quota_share_of_limit"),
            models.Index(
                fields=["wanted_at"],
                condition=models.Q(wanted_at__isnull=False),
                name="quota_share_wanted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_id} {self.owner} {self.model} {self.meter} {self.capacity}"
