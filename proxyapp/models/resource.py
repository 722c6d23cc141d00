"""What was made with which key, as far as an API binds it to that key's project."""

from django.db import models
from django.utils.translation import gettext_lazy as _

MOST_NAME = 512
MOST_KEY_NAME = 130
MOST_KEY_HASH = 64


class Resource(models.Model):
    """One row a name and key: users choose names, and so two projects may have one of a name.

    It outlives its key, group and token: their ids stay, and the key's hash. One that was forgotten
    stays as a row that has expired, which a late record of a spool brings back no more; pruning
    takes both.
    """

    name = models.CharField(max_length=MOST_NAME)
    key_id = models.BigIntegerField()
    key_name = models.CharField(
        max_length=MOST_KEY_NAME, help_text=_("What the key was called when it made the resource.")
    )
    project = models.CharField(max_length=100, blank=True)
    group_id = models.BigIntegerField()
    client_id = models.BigIntegerField(help_text=_("The client token's id; 0: nobody's."))
    kind = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    key_hash = models.CharField(
        max_length=MOST_KEY_HASH,
        blank=True,
        default="",
        db_default="",
        help_text=_("The key's: one that is deleted and added again has another id."),
    )

    class Meta:
        default_permissions = ("view",)
        permissions = [("forget_resource", "Can let the gateway forget whose a resource is")]
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "key_id"],
                name="resource_once_a_key",
                # Where names are sorted by a language, PostgreSQL finds beginnings by this only.
                opclasses=["varchar_pattern_ops", "int8_ops"],
            )
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="resource_expiring"),
            models.Index(fields=["-made_at", "-id"], name="resource_newest"),
            models.Index(fields=["kind", "-made_at", "-id"], name="resource_of_kind"),
            models.Index(fields=["group_id", "-made_at", "-id"], name="resource_of_group"),
        ]

    def __str__(self) -> str:
        return self.name
