"""`manage.py alerts`: which channels there are, and whether messages reach them."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from proxyapp.alerts.letters import letter_of_test
from proxyapp.alerts.sending import send
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.models import AlertChannel
from proxyapp.vocabulary.alert_fields import kinds_of
from proxyapp.vocabulary.times import iso_utc, local_text

COLUMNS = ("NAME", "GOES TO", "ON", "TOLD OF", "LEVEL", "QUIET", "LAST MESSAGE", "PROBLEM")


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = "Lists the channels of alerts, or sends a test to them. URLs are shown without secrets."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the channels")
        listing.add_argument("--json", action="store_true", help="print JSON and nothing else")
        testing = actions.add_parser("test", help="sends a message now, also in quiet hours")
        testing.add_argument("names", nargs="*", metavar="NAME", help="of channels; else all")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        channels = list(AlertChannel.objects.all())
        if action == "test":
            self._test(_chosen(channels, options["names"]))
        elif options["json"]:
            self.stdout.write(json_text([_entry(channel) for channel in channels], self.stdout))
        elif channels:
            self.stdout.write(plain_table(COLUMNS, [_cells(channel) for channel in channels]))
        else:
            self.stdout.write("There is no channel. Add one in the admin or the config file.")

    def _test(self, channels: list[AlertChannel]) -> None:
        if not channels:
            raise CommandError("There is no channel to test.")
        failed = 0
        for channel in channels:
            problem = send(channel.url, letter_of_test())
            failed += bool(problem)
            self.stdout.write(f"{channel.name}: {problem or 'the service took the test.'}")
        if failed:
            raise CommandError(f"{failed} of {len(channels)} tests did not arrive.")


def _chosen(channels: list[AlertChannel], names: list[str]) -> list[AlertChannel]:
    known = {channel.name.lower(): channel for channel in channels}
    if unknown := [name for name in names if name.lower() not in known]:
        raise CommandError(f"There is no channel {unknown[0]!r}.")
    return [known[name.lower()] for name in names] or channels


def _entry(channel: AlertChannel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "url": channel.shown_url,
        "is_on": channel.is_on,
        "kinds": kinds_of(channel.kinds),
        "level": channel.level,
        "quiet_hours": channel.quiet_hours,
        "time_zone": channel.time_zone,
        "sent_at": iso_utc(channel.sent_at) if channel.sent_at else None,
        "problem": channel.problem,
    }


def _cells(channel: AlertChannel) -> list[str]:
    hours = channel.quiet_hours
    return [
        channel.name,
        channel.shown_url,
        "yes" if channel.is_on else "no",
        ",".join(kinds_of(channel.kinds)) or "all",
        channel.level,
        f"{hours} {channel.time_zone}" if hours else "-",
        local_text(channel.sent_at) if channel.sent_at else "-",
        channel.problem or "-",
    ]
