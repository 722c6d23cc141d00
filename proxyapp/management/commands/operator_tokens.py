"""`manage.py operator_tokens`: which scripts may use the management API, and for whom."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import IntegrityError
from django.utils import timezone

from proxyapp.access import operator_tokens
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.management.token_arguments import TAKEN, expiry
from proxyapp.models import OperatorToken, audit
from proxyapp.operators.operator_token_report import (
    UnclearOperatorToken,
    choose_operator_tokens,
    operator_token_json,
)
from proxyapp.vocabulary.times import local_text

COLUMNS = ("ID", "NAME", "TOKEN", "STATE", "ROLE", "USER", "LAST USED")


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Operator tokens, which let scripts into /admin/api/. create: makes one for a user and"
        " prints it, which is the only time it is shown; it may do what its role may, and never"
        " more than its user. list: shows them. revoke: ends tokens for good."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="makes a token and prints it")
        create.add_argument("name")
        create.add_argument("--user", required=True, help="whose token it is: a name of the admin")
        create.add_argument("--role", required=True, help="Viewer, Operator, Admin or your own")
        create.add_argument(
            "--expires", metavar="WHEN", type=expiry, help="2027-01-31 (UTC), 30d, 12h"
        )
        create.add_argument("--json", action="store_true", help="print JSON and nothing else")
        listing = actions.add_parser("list", help="shows the tokens")
        listing.add_argument("--json", action="store_true", help="print JSON and nothing else")
        revoke = actions.add_parser("revoke", help="ends tokens for good")
        revoke.add_argument("selectors", metavar="SELECTOR", nargs="+", help="id or name")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except UnclearOperatorToken as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        except IntegrityError as error:
            raise CommandError(TAKEN) from error
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error

    def _create(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        token, text = operator_tokens.create(
            options["name"],
            _user(options["user"]),
            _role(options["role"]),
            options["expires"],
            audit.command("operator_tokens create"),
            now,
        )
        if options["json"]:
            made = {**operator_token_json(token, now), "token": text}
            self.stdout.write(json_text(made, self.stdout))
            return
        self.stderr.write(
            f"Operator token '{token.name}' ({token.masked}) was made. It is not shown again:",
            self.style.NOTICE,
        )
        self.stdout.write(text)

    def _list(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        tokens = OperatorToken.objects.select_related("user", "role")
        if options["json"]:
            rows = [operator_token_json(token, now) for token in tokens]
            self.stdout.write(json_text(rows, self.stdout))
        elif tokens:
            self.stdout.write(
                plain_table(COLUMNS, [_cells(one, now) for one in tokens], right=(0,))
            )
        else:
            self.stdout.write("There is no operator token yet.")

    def _revoke(self, options: dict[str, Any]) -> None:
        ids = choose_operator_tokens(options["selectors"])
        actor = audit.command("operator_tokens revoke")
        revoked = operator_tokens.revoke(ids, actor, timezone.now())
        lines = [f"  {token.pk}  {token.name}  {token.masked}" for token in revoked]
        counted = f"{len(revoked)} of {len(ids)} token{'s' * (len(ids) != 1)}"
        self.stdout.write("\n".join([f"Revoked {counted}{':' if lines else '.'}", *lines]))


def _user(name: str) -> User:
    user = User.objects.filter(username=name, is_staff=True, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no user {name!r} who may use the admin. Nothing was made.")
    return user


def _role(name: str) -> Role:
    role = Role.objects.filter(name__iexact=name.strip()).first()
    if role is None:
        known = ", ".join(Role.objects.order_by("name").values_list("name", flat=True))
        raise CommandError(f"There is no role {name!r}; there are: {known}. Nothing was made.")
    return role


def _cells(token: OperatorToken, now: datetime) -> tuple[str, ...]:
    state = operator_tokens.state_of(token, now)
    until = f" until {local_text(token.expires_at)}" if token.expires_at else ""
    return (
        str(token.pk),
        token.name,
        token.masked,
        f"{state}{until}" if state == "active" else state,
        token.role.name if token.role else "gone",
        token.user.get_username() if token.user else "gone",
        local_text(token.last_used_at) if token.last_used_at else "never",
    )
