"""Makes the channels of alerts in the database what a config file says of them."""

from collections.abc import Sequence

from proxyapp.config.changed_fields import changed_fields
from proxyapp.config.report import Report
from proxyapp.models import AlertChannel
from proxyapp.vocabulary.alert_fields import ALERT_FIELDS, AlertSettings


def apply_alerts(channels: Sequence[AlertSettings] | None, report: Report, *, prune: bool) -> None:
    """`channels` None: the file says nothing of them, and they stay. `prune`: the others go."""
    if channels is None:
        return
    known = {row.name.lower(): row for row in AlertChannel.objects.all()}
    for settings in channels:
        _apply(settings, known.pop(settings.name.lower(), None), report)
    if prune:
        for row in known.values():
            report.channel_removed(row)
        AlertChannel.objects.filter(pk__in=[row.pk for row in known.values()]).delete()


def _apply(settings: AlertSettings, row: AlertChannel | None, report: Report) -> None:
    wanted = {field.name: getattr(settings, field.name) for field in ALERT_FIELDS}
    if row is None:
        report.channel_created(AlertChannel.objects.create(**wanted))
        return
    changes = changed_fields(row, wanted, ALERT_FIELDS)
    report.channel_kept(row, changes)
    if changes:
        for name, value in wanted.items():
            setattr(row, name, value)
        row.save(update_fields=[*wanted, "updated_at"])
