"""Keys, each of a group."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from proxyapp.models.group import Group
from proxyapp.models.quota_columns import OF_ITSELF, concurrency_column, limits_column
from proxyapp.models.sealed import SealedTextField, keyed_hash
from proxyapp.vocabulary.choices import (
    MAX_PRIORITY,
    MAX_WEIGHT,
    KeyStatus,
    choice_values,
    labelled,
)
from proxyapp.vocabulary.masking import masked_key


class ApiKey(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="keys")
    position = models.PositiveIntegerField(
        default=0, help_text=_("Order of rotation within the group, lowest first.")
    )
    name = models.CharField(max_length=100, blank=True)
    project = models.CharField(
        max_length=100, blank=True, help_text=_("Keys of one project share their quota.")
    )
    limits = limits_column(OF_ITSELF)
    max_concurrent = concurrency_column()
    priority = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_PRIORITY)],
        help_text=_("As its group's, for this key alone. Empty: the group's."),
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WEIGHT)],
        help_text=format_lazy(
            _(
                "How many turns it gets where the strategy is weighted, 1 to {most}, times its"
                " group's weight."
            ),
            most=MAX_WEIGHT,
        ),
    )
    proxy_url = SealedTextField(null=True, blank=True)
    secret = SealedTextField(null=True)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    masked = models.CharField(max_length=20, editable=False)
    status = models.CharField(max_length=10, choices=labelled(KeyStatus), default=KeyStatus.ACTIVE)
    status_reason = models.CharField(max_length=300, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["group__position", "group_id", "position", "id"]
        indexes = [
            models.Index(fields=["group", "position"]),
            models.Index(fields=["status"]),
            models.Index(fields=["project"]),
            models.Index(fields=["last_used_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=choice_values(KeyStatus)), name="key_status_known"
            ),
            models.CheckConstraint(condition=~models.Q(key_hash=""), name="key_hash_not_empty"),
            models.CheckConstraint(
                condition=models.Q(weight__range=(1, MAX_WEIGHT)), name="key_weight_bounded"
            ),
        ]
        permissions = [("view_secret", "Can see API keys in clear")]

    def __str__(self) -> str:
        return f"{self.name} ({self.masked})" if self.name else self.masked

    def set_secret(self, secret: str) -> None:
        self.secret = secret
        self.key_hash = keyed_hash(secret)
        self.masked = masked_key(secret)
