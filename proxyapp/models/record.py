"""What the gateway notes about its own work."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ImportedGroup(models.Model):
    """What a config file said of a group at its last import: a start applies only what changed."""

    source = models.CharField(max_length=500, help_text="The file, as an absolute path.")
    name = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64, help_text="Keyed hash of the group's text.")
    key_hashes = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint("source", Lower("name"), name="imported_group_once_a_file")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.source}"


class Chore(models.Model):
    """Work that one process does for all of them now and then."""

    name = models.CharField(max_length=40, unique=True)
    last_run_at = models.DateTimeField(help_text="When a process last took it on.")

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who did what to what.

    `proxyapp.models.audit` alone writes here; an entry outlives its user and its object.
    """

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(
        max_length=150, help_text=_("A user's name, `command: …`, or `start`.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    action = models.CharField(max_length=20)
    object_type = models.CharField(max_length=30)
    object_id = models.CharField(max_length=40, blank=True)
    label = models.CharField(
        max_length=200, blank=True, help_text=_("What the object was called; keys masked.")
    )
    detail = models.TextField(blank=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        default_permissions = ("view",)
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["object_type", "object_id", "-at"], name="audit_of_object"),
            models.Index(fields=["actor", "-at"], name="audit_of_actor"),
            models.Index(fields=["action", "-at"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.label}".rstrip()


class SpoolMark(models.Model):
    """The last record of a spool's file that is written, so that none is written twice.

    `proxyapp.ledger.spool_marks` only.
    """

    name = models.CharField(max_length=100, unique=True)
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField(help_text="When it was last raised.")

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.name}: {self.number}"
