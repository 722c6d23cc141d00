"""Times and countdowns: written in UTC, and marked for the script that shows the reader's zone."""

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from proxyapp.admin.parts.readonly import NOTHING, second_text
from proxyapp.vocabulary.shown_times import countdown_text
from proxyapp.vocabulary.times import iso_utc


def local_time(moment: datetime | None) -> SafeString | str:
    """A dash for None."""
    if moment is None:
        return NOTHING
    text = second_text(moment)
    return format_html(
        '<time data-local datetime="{}" title="{}">{}</time>', iso_utc(moment), text, text
    )


def remaining_time(until: datetime | None, now: datetime) -> SafeString | str:
    """Counts down in the browser. A dash when the time is over, or there is none."""
    if until is None or until <= now:
        return NOTHING
    return format_html(
        '<span data-until="{}">{}</span>', iso_utc(until), countdown_text(until, now)
    )
