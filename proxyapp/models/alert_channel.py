"""Where alerts go, and what each place was told."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyapp.models.row_names import never_nameless, one_of_each_name
from proxyapp.models.sealed import SealedTextField
from proxyapp.vocabulary.alert_kinds import DANGER, WARNING
from proxyapp.vocabulary.alert_urls import shown_alert_url


class AlertChannel(models.Model):
    """`story`: what is open, what was told and what is to be sent; `proxyapp.alerts` alone writes
    it, and what follows it.
    """

    name = models.CharField(max_length=100)
    url = SealedTextField(help_text=_("Apprise's, with its tokens."))
    kinds = models.TextField(
        blank=True, default="", help_text=_("What it is told of, with commas between; empty: all.")
    )
    level = models.CharField(
        max_length=10,
        default=WARNING,
        choices=[(WARNING, _("All")), (DANGER, _("Only what is urgent"))],
        help_text=_("Of these kinds, what it is told of."),
    )
    quiet_hours = models.CharField(
        max_length=11,
        blank=True,
        default="",
        help_text=_("Such as 22:00-07:00: what happens then is told when they end."),
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text=_("Of the quiet hours and of times in messages.")
    )
    urgent_passes = models.BooleanField(
        default=True, help_text=_("What is urgent is told in quiet hours, too.")
    )
    error_percent = models.PositiveSmallIntegerField(
        default=20, help_text=_("From how many of 100 requests that were not answered well on.")
    )
    slow_seconds = models.PositiveSmallIntegerField(
        default=60, help_text=_("From which p95 to the first byte on, in seconds.")
    )
    is_on = models.BooleanField("enabled", default=True)
    story = models.JSONField(default=dict, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        permissions = [("test_alertchannel", "Can send a test alert")]
        constraints = [
            one_of_each_name("alert_channel_name_unique"),
            never_nameless("alert_channel_named"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_url(self) -> str:
        return shown_alert_url(self.url) if self.url else "(unreadable)"
