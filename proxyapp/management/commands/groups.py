"""`manage.py groups`: which are on, turning them off and on, and what was learnt of targets."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count
from django.utils import timezone

from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.models import Group, audit
from proxyapp.operators.group_credentials import try_two_again
from proxyapp.operators.group_switch import losing, standing_of, switch_off, switch_on
from proxyapp.vocabulary.durations import duration_of
from proxyapp.vocabulary.times import iso_utc, local_text


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "list: which groups there are, and whether they are on. off: none of its keys answers,"
        " until it is on again, or for a time (--for 1h). on: as before."
        " credentials: says whether the group's target gets one credential because it refused two"
        " (auth both or auto). --reset: two are tried again. The gateway obeys within a second."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        credentials = actions.add_parser("credentials", help="one credential or two")
        credentials.add_argument("group", metavar="GROUP")
        credentials.add_argument("--reset", action="store_true", help="try two again")
        listing = actions.add_parser("list", help="the groups, and whether they are on")
        listing.add_argument("--json", action="store_true", help="print JSON and nothing else")
        off = actions.add_parser("off", help="none of its keys answers")
        off.add_argument("group", metavar="GROUP")
        off.add_argument(
            "--for", metavar="TIME", dest="length", type=_length, help="then on: 30m, 1h, 7d"
        )
        actions.add_parser("on", help="its keys answer again").add_argument("group")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        self.stdout.write(self._said(action, options))

    def _said(self, action: str, options: dict[str, Any]) -> str:
        if action == "list":
            return json_text(_listed(), self.stdout) if options["json"] else _table()
        group = _named(options["group"])
        if action == "credentials":
            return _reset(group) if options["reset"] else _told(group)
        return _on(group) if action == "on" else _off(group, options["length"])


def _length(text: str) -> timedelta:
    length = duration_of(text)
    if length is None:
        raise ArgumentTypeError(f"{text!r} is no time such as 30m, 1h or 7d")
    return length


def _groups() -> list[Group]:
    rows = Group.objects.defer("proxy_url", "proxy_pool").order_by("position", "id")
    return list(rows.annotate(key_count=Count("keys")))


def _listed() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {
            "id": group.pk,
            "name": group.name,
            "is_off": group.is_off(now),
            "off_until": iso_utc(group.off_until)
            if group.off_until and group.enabled and group.is_off(now)
            else None,
            "target_url": group.target_url,
            "keys": group.key_count,  # type: ignore[attr-defined]
        }
        for group in _groups()
    ]


def _table() -> str:
    now = timezone.now()
    rows = [
        [str(group.pk), group.name, group.target_url, str(group.key_count), standing_of(group, now)]  # type: ignore[attr-defined]
        for group in _groups()
    ]
    return plain_table(("ID", "NAME", "TARGET", "KEYS", "STATE"), rows, right=(0, 3))


def _off(group: Group, length: timedelta | None) -> str:
    lost = losing([group.pk]).lines("Now")
    until = timezone.now() + length if length else None
    changed = switch_off([group.pk], until, audit.command("groups off"))
    if not changed:
        return f"Group {group.name}: it was off."
    return "\n".join([f"Group {group.name} is {standing_of(changed[0], timezone.now())}.", *lost])


def _on(group: Group) -> str:
    if not switch_on([group.pk], audit.command("groups on")):
        return f"Group {group.name}: it was on."
    return f"Group {group.name} is on."


def _named(name: str) -> Group:
    group = Group.objects.filter(name__iexact=name.strip()).first()
    if group is None:
        raise CommandError(f"There is no group '{name}'.")
    return group


def _told(group: Group) -> str:
    since = group.single_credential_since
    if since is None:
        return f"Group {group.name}: its target has not refused two credentials."
    return f"Group {group.name}: its target gets one credential since {local_text(since)}."


def _reset(group: Group) -> str:
    if try_two_again(group, audit.command("groups credentials")):
        return f"Group {group.name}: two credentials are tried again."
    return f"Group {group.name}: nothing to reset."
