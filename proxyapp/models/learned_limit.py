"""Limits that the provider itself has named."""

from django.db import models


class LearnedLimit(models.Model):
    """Of an owner (`project:LABEL`, or `key:ID` of a key without a label) and a model."""

    owner = models.CharField(max_length=120)
    model = models.CharField(max_length=100)
    meter = models.CharField(max_length=40, help_text="What is counted, as in `limits`.")
    number = models.PositiveBigIntegerField()
    quota_id = models.CharField(
        max_length=200, blank=True, help_text="The provider's name of the quota."
    )
    learned_at = models.DateTimeField(help_text="When a refusal named it last.")

    class Meta:
        ordering = ["owner", "model", "meter"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["owner", "model", "meter"], name="learned_limit_once")
        ]
        indexes = [models.Index(fields=["learned_at"], name="learned_limit_by_date")]

    def __str__(self) -> str:
        return f"{self.owner} {self.model} {self.meter} {self.number}"
