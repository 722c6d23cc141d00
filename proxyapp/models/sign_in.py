"""What signing in to the admin has to remember."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from proxyapp.models.sealed import SealedTextField


class SignInCount(models.Model):
    """Failed sign-ins of one subject, such as a name from an address.

    `proxyapp.access.sign_in_limits` alone writes here.
    """

    subject = models.CharField(
        max_length=64, unique=True, help_text="Keyed hash: people type passwords as names."
    )
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(help_text="When the first of them was.")
    locked_until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["since"], name="sign_in_count_since")]

    def __str__(self) -> str:
        return f"{self.failures} since {self.since:%Y-%m-%d %H:%M}"


class SecondFactor(models.Model):
    """A user's authenticator app. A row is there once the user has shown a code of it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    secret = SealedTextField(help_text="Base32, encrypted.")
    last_step = models.BigIntegerField(
        help_text="The time step of the last code: it and older ones are used up."
    )
    recovery_hashes = models.JSONField(
        default=list, help_text="SHA-256 of the codes that are left: 80 random bits each."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"second factor of user {self.user_id}"
