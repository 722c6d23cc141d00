"""`manage.py tokens`: who may use the gateway."""

from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError
from django.utils import timezone

from proxyapp.access import token_store
from proxyapp.access.budgets import BUDGETS, budget_texts
from proxyapp.access.token_store import Terms
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.models import ClientToken, Group, audit
from proxyapp.operators.token_report import TokenRow, UnclearToken, choose_tokens, token_report
from proxyapp.vocabulary.durations import duration_of
from proxyapp.vocabulary.model_lists import fallbacks_of_lines
from proxyapp.vocabulary.money import CURRENCY, read_amount
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
TAKEN = "Another token has just taken this name. Nothing was changed."
UNITS = {
    "requests_per_minute": "requests/min",
    "requests_per_day": "requests/day",
    "tokens_per_day": "tokens/day",
    "live_sessions": "Live sessions",
    "max_concurrent": "requests at a time",
}


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Client tokens. create: makes one and prints it, which is the only time it is shown. list:"
        " shows terms, state and usage. revoke: ends tokens for good. The gateway obeys within a"
        " second, without a restart. As soon as there is a token every client needs one (unless"
        " server.allow_anonymous is true)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="makes a token and prints it")
        create.add_argument("name")
        create.add_argument(
            "--group", action="append", metavar="GROUP", help="only this group's keys; repeatable"
        )
        create.add_argument(
            "--model", action="append", metavar="PATTERN", help="such as gemini-2.5-*; repeatable"
        )
        create.add_argument(
            "--fallback",
            action="append",
            default=[],
            metavar="MODEL=NEXT[,NEXT]",
            help="which models are asked instead when no key is left for one; repeatable",
        )
        create.add_argument(
            "--shared-resources",
            action="store_true",
            help="it sees the files, caches and batches of all tokens, not only its own",
        )
        for limit, unit in UNITS.items():
            create.add_argument(
                f"--{limit.replace('_', '-')}",
                metavar="N",
                type=_number,
                help=f"most {unit}, in UTC",
            )
        for period in ("day", "month"):
            create.add_argument(
                f"--budget-per-{period}",
                dest=f"cost_per_{period}",
                metavar="AMOUNT",
                type=_amount,
                help=f"what it may cost a {period} of UTC, in {CURRENCY}, such as 5.00",
            )
        create.add_argument(
            "--expires",
            metavar="WHEN",
            type=expiry,
            help="2027-01-31 (as it begins, UTC), 30d, 12h",
        )
        create.add_argument("--json", action="store_true", help="print JSON and nothing else")
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
        except IntegrityError as error:
            raise CommandError(TAKEN) from error
        except ValidationError as error:
            raise CommandError("\n".join(_problems(error))) from error

    def _create(self, options: dict[str, Any]) -> None:
        groups = None if options["group"] is None else [_group(name) for name in options["group"]]
        terms = Terms(
            name=options["name"],
            groups=groups,
            models=options["model"] or (),
            fallbacks=_fallbacks(options["fallback"]),
            shared_resources=options["shared_resources"],
            expires_at=options["expires"],
            **{limit: options[limit] for limit in (*UNITS, *BUDGETS)},
        )
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

    def _list(self, options: dict[str, Any]) -> None:
        rows = token_report(ClientToken.objects.all(), timezone.now())
        if options["json"]:
            self.stdout.write(json_text([row.as_json() for row in rows], self.stdout))
        elif rows:
            self.stdout.write(plain_table(COLUMNS, [_cells(row) for row in rows], right=RIGHT))
        else:
            self.stdout.write(
                "There is no token yet. Make one with `manage.py tokens create NAME`."
            )

    def _revoke(self, options: dict[str, Any]) -> None:
        ids = choose_tokens(options["selectors"])
        revoked = token_store.revoke(ids, audit.command("tokens revoke"), timezone.now())
        lines = [f"  {token.pk}  {token.name}  {token.masked}" for token in revoked]
        counted = f"{len(revoked)} of {len(ids)} token{'s' * (len(ids) != 1)}"
        self.stdout.write(
            "\n".join([f"Revoked {counted}{':' if lines else ', which was before.'}", *lines])
        )


def expiry(text: str) -> datetime:
    """A day, a moment, or a time from now."""
    try:
        if (length := duration_of(text)) is not None:
            return timezone.now() + length
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"{text!r} is no day such as 2027-01-31 and no time such as 30d or 12h"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= timezone.now():
        raise ArgumentTypeError(f"{text!r} is over")
    return moment


def _fallbacks(given: list[str]) -> dict[str, list[str]]:
    try:
        return fallbacks_of_lines("\n".join(given))
    except ValueError:
        raise CommandError(
            "--fallback wants MODEL=NEXT, such as gemini-2.5-pro=gemini-2.5-flash, once a model."
            " Nothing was made."
        ) from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:20]) <= 10**15:
        raise ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _amount(text: str) -> int:
    try:
        return read_amount(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} {error}") from None


def _group(name: str) -> Group:
    group = Group.objects.filter(name__iexact=name.strip()).first()
    if group is None:
        raise CommandError(f"There is no group '{name}'. Nothing was made.")
    return group


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
