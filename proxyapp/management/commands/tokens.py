"""`manage.py tokens`: who may use the gateway."""

from argparse import SUPPRESS
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError
from django.utils import timezone

from gateway.places import NAME
from proxyapp.access import token_store
from proxyapp.access.budgets import budget_texts
from proxyapp.access.token_store import Terms
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.management.token_arguments import (
    TAKEN,
    UNITS,
    UnclearTerm,
    add_removals,
    add_terms,
    terms_given,
)
from proxyapp.models import ClientToken, audit
from proxyapp.operators.token_report import TokenRow, UnclearToken, choose_tokens, token_report
from proxyapp.operators.token_terms import change_terms
from proxyapp.vocabulary.times import local_text

COLUMNS = (
    "ID",
    "NAME",
    "TOKEN",
    "STATE",
    "GROUPS",
    "MODELS",
    "LIMITS",
    "SHARED RESOURCES",
    "REQUESTS",
    "REFUSED",
    "TOKENS",
    "LAST USED",
)
RIGHT = (0, 8, 9, 10)


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Client tokens. create: makes one and prints it, which is the only time it is shown. set:"
        " changes what one allows; what is not given stays. list: shows terms, state and usage."
        " revoke: ends tokens for good. The gateway obeys within a second, without a restart."
        " As soon as there is a token every client needs one (unless server.allow_anonymous is"
        " true)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="makes a token and prints it")
        create.add_argument("name")
        add_terms(create)
        create.add_argument("--json", action="store_true", help="print JSON and nothing else")
        changing = actions.add_parser(
            "set", help="changes what a token allows", argument_default=SUPPRESS
        )
        changing.add_argument("selector", metavar="SELECTOR", help="as of revoke")
        add_terms(changing)
        add_removals(changing)
        changing.add_argument("--json", action="store_true", help="print JSON and nothing else")
        listing = actions.add_parser("list", help="shows the tokens")
        listing.add_argument("--json", action="store_true", help="print JSON and nothing else")
        revoke = actions.add_parser("revoke", help="ends tokens for good")
        revoke.add_argument(
            "selectors", metavar="SELECTOR", nargs="+", help="id, name, masked form or the token"
        )

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except UnclearToken as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        except UnclearTerm as error:
            done = "made" if action == "create" else "changed"
            raise CommandError(f"{error} Nothing was {done}.") from error
        except IntegrityError as error:
            raise CommandError(TAKEN) from error
        except ValidationError as error:
            raise CommandError("\n".join(_problems(error))) from error

    def _create(self, options: dict[str, Any]) -> None:
        terms = Terms(name=options["name"], **terms_given(options))
        token, text = token_store.create(terms, audit.command("tokens create"))
        if options["json"]:
            (row,) = token_report(ClientToken.objects.filter(pk=token.pk), timezone.now())
            self.stdout.write(json_text({**row.as_json(), "token": text}, self.stdout))
            return
        self.stderr.write(
            f"Token '{token.name}' ({token.masked}) was made. It is not shown again:",
            self.style.NOTICE,
        )
        self.stdout.write(text)

    def _set(self, options: dict[str, Any]) -> None:
        if not (given := terms_given(options)):
            raise CommandError("Say what to change: `tokens set --help` names what can be.")
        (token_id,) = choose_tokens([options["selector"]])
        token = change_terms(token_id, given, audit.command("tokens set"))
        if options.get("json"):
            (row,) = token_report(ClientToken.objects.filter(pk=token.pk), timezone.now())
            self.stdout.write(json_text(row.as_json(), self.stdout))
        else:
            self.stdout.write(f"Changed token '{token.name}' ({token.masked}).")

    def _list(self, options: dict[str, Any]) -> None:
        rows = token_report(ClientToken.objects.all(), timezone.now())
        if options["json"]:
            self.stdout.write(json_text([row.as_json() for row in rows], self.stdout))
        elif rows:
            self.stdout.write(plain_table(COLUMNS, [_cells(row) for row in rows], right=RIGHT))
        else:
            self.stdout.write(f"There is no token yet. Make one with `{NAME} tokens create NAME`.")

    def _revoke(self, options: dict[str, Any]) -> None:
        ids = choose_tokens(options["selectors"])
        revoked = token_store.revoke(ids, audit.command("tokens revoke"), timezone.now())
        lines = [f"  {token.pk}  {token.name}  {token.masked}" for token in revoked]
        counted = f"{len(revoked)} of {len(ids)} token{'s' * (len(ids) != 1)}"
        self.stdout.write(
            "\n".join([f"Revoked {counted}{':' if lines else ', which was before.'}", *lines])
        )


def _problems(error: ValidationError) -> list[str]:
    labels = {
        "token_hash": "token",
        "__all__": "name",
        "allowed_models": "--model",
        "fallbacks": "--fallback",
        "cost_per_day": "--budget-per-day",
        "cost_per_month": "--budget-per-month",
    }
    found = error.message_dict.items()
    return [
        f"{labels.get(field, field)}: {message}"
        for field, messages in found
        for message in messages
    ]


def _cells(row: TokenRow) -> Sequence[str]:
    token = row.token
    limits = [
        f"{limit:,} {UNITS[name]}" for name in UNITS if (limit := getattr(token, name)) is not None
    ]
    limits += [f"{text} {name}" for name, text in budget_texts(token)]
    state = (
        f"{row.state} {local_text(token.expires_at)}"
        if row.state == "expired" and token.expires_at
        else row.state
    )
    if row.state == "active" and token.expires_at:
        state = f"active until {local_text(token.expires_at)}"
    if row.needs_older_secret and row.state == "active":
        state += "; needs an older SECRET_KEY"
    return (
        str(token.pk),
        token.name,
        token.masked,
        state,
        "all" if row.groups is None else ", ".join(row.groups) or "none",
        ", ".join(token.allowed_models) or "all",
        ", ".join(limits) or "none",
        "yes" if token.shared_resources else "no",
        f"{row.total['requests']:,}",
        f"{row.total['refused']:,}",
        f"{row.total['prompt_tokens'] + row.total['output_tokens']:,}",
        local_text(token.last_used_at) if token.last_used_at else "never",
    )
