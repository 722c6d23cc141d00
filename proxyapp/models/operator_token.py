"""What lets a script of an operator into the management API."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyapp.models.row_names import never_nameless, one_of_each_name


class OperatorToken(models.Model):
    """Shown once, when it is made; only its keyed hash is kept.

    It may do what its role may, and never more than the user who made it may at that moment:
    without a user or a role, nothing.
    """

    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    masked = models.CharField(max_length=20, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text=_("Who made it. It does nothing while this user may not."),
    )
    role = models.ForeignKey(
        "auth.Group",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text=_("What it may do, as far as its maker may."),
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: never."))
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            one_of_each_name("operator_token_name_unique"),
            never_nameless("operator_token_is_named"),
        ]

    def __str__(self) -> str:
        return self.name
