"""What rate limits did to keys."""

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from proxyapp.models.api_key import ApiKey


class ActiveCooldowns(models.QuerySet["RateLimitEvent"]):
    def active(self, now: datetime) -> "ActiveCooldowns":
        """The cooldowns that hold at `now`: not released and not over."""
        return self.filter(released_at=None, cooling_until__gt=now)

    def of_keys(self, keys: "models.QuerySet[ApiKey]") -> "ActiveCooldowns":
        """Those of the keys themselves and those of their projects."""
        keys = keys.order_by()
        projects = keys.exclude(project="").values("project")
        return self.filter(models.Q(key__in=keys.values("pk")) | models.Q(project__in=projects))


class RateLimitEvent(models.Model):
    """One refusal that took a key out.

    While it is neither over nor released, it is the key's cooldown.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="events")
    project = models.CharField(
        max_length=100,
        blank=True,
        help_text=_("All keys of this project are out. Empty: only the key itself."),
    )
    model = models.CharField(
        max_length=100,
        blank=True,
        help_text=_(
            "Empty: every model. With a slash in front, an endpoint that names no model, such as"
            " /batches."
        ),
    )
    kind = models.CharField(max_length=20)
    quota_id = models.CharField(
        max_length=200, blank=True, help_text=_("The provider's name of the quota.")
    )
    quota_limit = models.CharField(
        max_length=40, blank=True, help_text=_("The provider's limit, as it wrote it.")
    )
    stated_delay_seconds = models.FloatField(
        null=True, blank=True, help_text=_("The delay that the provider stated.")
    )
    http_status = models.PositiveSmallIntegerField(default=429)
    occurred_at = models.DateTimeField(default=timezone.now)
    cooling_until = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    client = models.ForeignKey(
        "proxyapp.ClientToken",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text=_("Whose request it was. Empty: one without a client token."),
    )
    excerpt = models.TextField(blank=True, help_text=_("The start of the answer, keys masked."))
    request_id = models.CharField(
        max_length=128, blank=True, db_default="", help_text=_("Of the request that was refused.")
    )

    objects = ActiveCooldowns.as_manager()

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [
            models.Index(fields=["key", "-occurred_at"]),
            models.Index(fields=["-occurred_at"]),
            models.Index(
                fields=["cooling_until"],
                condition=models.Q(released_at=None),
                name="event_unreleased_until",
            ),
            models.Index(
                fields=["project"], condition=~models.Q(project=""), name="event_of_project"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cooling_until__gte=models.F("occurred_at")),
                name="event_until_after_start",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.occurred_at:%Y-%m-%d %H:%M:%S}"

    def is_active(self, now: datetime) -> bool:
        return self.released_at is None and self.cooling_until > now
