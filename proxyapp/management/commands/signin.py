"""`manage.py signin`: the way back in for who is locked out of the admin."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from proxyapp.access.sign_in_limits import forget_all
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.models import SecondFactor, audit


class Command(DatabaseCommand):
    help = (
        "unlock: forgets all failed sign-ins, so that nobody is locked out. reset-second-factor"
        " USER: takes the authenticator app of a user away, who then signs in by password (and sets"
        " up another, if one is required)."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="unlock|reset-second-factor"
        )
        actions.add_parser("unlock", help="forget all failed sign-ins")
        reset = actions.add_parser(
            "reset-second-factor", help="take a user's authenticator app away"
        )
        reset.add_argument("user", metavar="USER", help="the name of the user")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        self.stdout.write(unlock() if action == "unlock" else reset(options["user"]))


def unlock() -> str:
    with transaction.atomic():
        number = forget_all()
        locks = f"{number} lock{'s' * (number != 1)}"
        audit.record_whole(audit.command("signin unlock"), "unlock", audit.SIGN_IN, detail=locks)
    return f"Failed sign-ins are forgotten ({locks})"


def reset(name: str) -> str:
    users = get_user_model()._default_manager
    user = users.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    with transaction.atomic():
        deleted, _ = SecondFactor.objects.filter(user_id=user.pk).delete()
        if deleted:
            actor = audit.command("signin reset-second-factor")
            audit.record(actor, "change", [user], "second factor reset")
    return (
        f"{name} signs in without a second factor now"
        if deleted
        else f"{name} has no second factor"
    )
