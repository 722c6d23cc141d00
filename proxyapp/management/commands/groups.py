"""`manage.py groups`: what the gateway has learnt of groups' targets."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from proxyapp.models import Group, audit
from proxyapp.operators.group_credentials import try_two_again
from proxyapp.vocabulary.times import local_text


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "credentials: says whether the group's target gets one credential because it refused two"
        " (auth both or auto). --reset: two are tried again. The gateway obeys within a second."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        credentials = actions.add_parser("credentials", help="one credential or two")
        credentials.add_argument("group", metavar="GROUP")
        credentials.add_argument("--reset", action="store_true", help="try two again")

    def handle(self, *_: Any, group: str, reset: bool, **__: Any) -> None:
        try:
            self.stdout.write(_reset(_named(group)) if reset else _told(_named(group)))
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used (has `manage.py migrate` run?): {error}"
            ) from error


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
