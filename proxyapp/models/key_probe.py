"""What the gateway has found when it asked the provider about a key."""

from django.db import models

from proxyapp.models.api_key import ApiKey


class KeyProbe(models.Model):
    """The last question about a key and its answer, for all processes.

    `proxyapp.ledger.key_probes` alone writes here.
    """

    key = models.OneToOneField(
        ApiKey, on_delete=models.CASCADE, primary_key=True, related_name="probe"
    )
    key_hash = models.CharField(
        max_length=64, blank=True, help_text="Of the secret that was asked about."
    )
    asked_at = models.DateTimeField(null=True, help_text="When a process last began to ask.")
    answered_at = models.DateTimeField(null=True, help_text="When the last answer came.")
    outcome = models.CharField(max_length=20, blank=True)
    message = models.CharField(
        max_length=300, blank=True, help_text="What the provider said, keys masked."
    )
    deaths = models.PositiveSmallIntegerField(
        default=0, help_text="How often in a row the key was found dead."
    )
    due_at = models.DateTimeField(
        null=True, db_index=True, help_text="When an invalid key is asked again."
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key_id}: {self.outcome or 'not asked'}"
