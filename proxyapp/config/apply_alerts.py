"""Makes the channels of alerts in the database what a config file says of them."""

from collections.abc import Sequence

from proxyapp.config.apply_rows import apply_rows
from proxyapp.config.report import Report
from proxyapp.models import AlertChannel
from proxyapp.vocabulary.alert_fields import ALERT_FIELDS, AlertSettings


def apply_alerts(channels: Sequence[AlertSettings] | None, report: Report, *, prune: bool) -> None:
    """`channels` None: the file says nothing of them, and they stay. `prune`: the others go."""
    if channels is not None:
        apply_rows(AlertChannel, channels, ALERT_FIELDS, report, prune=prune, same=str.lower)
