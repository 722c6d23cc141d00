"""`manage.py keys`: what the admin does to keys, from the shell."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from gateway.places import NAME
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.models import ApiKey, audit
from proxyapp.operators import key_tests
from proxyapp.operators.dependent_tokens import dependents
from proxyapp.operators.key_actions import DONE, STATUSES, KeyAction, change_audited
from proxyapp.operators.key_choice import UnclearChoice, choose
from proxyapp.operators.key_report import KeyRow, key_report
from proxyapp.operators.model_report import (
    NOTHING,
    ModelPattern,
    OfModels,
    counts_of_models,
    models_json,
    of_pattern,
)
from proxyapp.operators.unreadable_secrets import warning_of
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.times import local_text

if TYPE_CHECKING:
    from proxyapp.upstream.key_probe import ProbeResult

UNCHANGED = {
    "release": "none was cooling",
    "disable": "all were disabled",
    "enable": "all were enabled",
}
COLUMNS = (
    "ID",
    "GROUP",
    "NAME",
    "KEY",
    "REQUESTS",
    "429",
    "ERRORS",
    "TOKENS IN",
    "TOKENS OUT",
    "LAST USED",
    "STATE",
)
RIGHT = (0, 4, 5, 6, 7, 8)


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "list: shows states, cooldowns and usage. release: ends the cooldowns of the keys and of"
        " their projects, so that the other keys of these projects come back too. disable, enable:"
        " takes keys out, brings them back. test: asks the provider whether the keys work, which"
        " costs no quota, enables those that were invalid and work, and takes out those that"
        " are dead."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Lets options stand before, between and after the selectors."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "release", "disable", "enable", "test"])
        parser.add_argument(
            "selectors",
            metavar="SELECTOR",
            nargs="*",
            help=(
                "an id, a name, the masked form, a group (also as group:NAME) or a whole key; none:"
                " all keys"
            ),
        )
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
        parser.add_argument(
            "--model",
            metavar="NAME",
            type=ModelPattern,
            help="list: only what concerns one model, or several: 'gemini-2.5-*'",
        )
        parser.add_argument(
            "--all", action="store_true", help="all keys; disable and enable want it said"
        )

    def handle(self, *_: Any, action: str, selectors: Sequence[str], **options: Any) -> None:
        if options["all"] and selectors:
            raise CommandError("Give selectors or --all, not both.")
        if action in STATUSES and not (selectors or options["all"]):
            raise CommandError(f"Which keys? Give selectors, or --all to {action} every key.")
        if options["model"] and (action != "list" or not options["model"].text.strip()):
            raise CommandError("--model is for list, and wants a model's name or a pattern.")
        try:
            self._act(action, selectors, is_json=options["json"], pattern=options["model"])
        except UnclearChoice as error:
            raise CommandError(str(error)) from error

    def _act(
        self,
        action: str,
        selectors: Sequence[str],
        *,
        is_json: bool,
        pattern: ModelPattern | None = None,
    ) -> None:
        keys = choose(selectors, is_exact=action in DONE) if selectors else ApiKey.objects.all()
        now = timezone.now()
        rows = key_report(keys, now, finds_unreadable=action in ("list", "test"))
        if action == "list":
            of_keys: Mapping[int, OfModels] = {}
            if is_json or pattern:
                of_keys = counts_of_models(keys if selectors else None, pattern)
            if pattern:
                rows = self._of_pattern(rows, of_keys, pattern)
            self._list(rows, now, of_keys, is_json=is_json)
            if warning := warning_of(sum(row.is_unreadable for row in rows)):
                self.stderr.write(warning)
        elif action == "test":
            self._test(rows, is_json=is_json)
        else:
            self._change(cast(KeyAction, action), rows, now, is_json=is_json)

    def _of_pattern(
        self, rows: Sequence[KeyRow], of_keys: Mapping[int, OfModels], pattern: ModelPattern
    ) -> list[KeyRow]:
        found = [of_pattern(row, of_keys.get(row.id, NOTHING), pattern) for row in rows]
        is_known = any(row.id in of_keys or any(c.model for c in row.cooldowns) for row in found)
        if found and not is_known:
            self.stderr.write(f"None of the keys was used for a model that fits '{pattern.text}'.")
        return found

    def _list(
        self,
        rows: Sequence[KeyRow],
        now: datetime,
        of_keys: Mapping[int, OfModels],
        *,
        is_json: bool,
    ) -> None:
        if is_json:
            listed = [(row.as_json(), of_keys.get(row.id, NOTHING)) for row in rows]
            self._print_json([{**row, "models": models_json(models)} for row, models in listed])
        elif rows:
            self.stdout.write(plain_table(COLUMNS, [_cells(row, now) for row in rows], right=RIGHT))
        else:
            self.stdout.write(
                f"There is no key yet. Add one in the admin, or with `{NAME} import_config FILE`."
            )

    def _change(
        self, action: KeyAction, rows: Sequence[KeyRow], now: datetime, *, is_json: bool
    ) -> None:
        ids = [row.id for row in rows]
        with transaction.atomic():
            losing = dependents(ids).lines("Now") if action == "disable" else []
            changed = change_audited(action, ids, audit.command(f"keys {action}"), now)
        if is_json:
            self._print_json({"action": action, "changed": len(changed), "keys": ids})
        elif changed:
            lines = [f"  {_label(row)}" for row in rows if row.id in changed]
            self.stdout.write(
                "\n".join([f"{DONE[action]} {len(changed)} of {_counted(ids)}:", *lines, *losing])
            )
        else:
            self.stdout.write(f"Nothing to {action} among {_counted(ids)}: {UNCHANGED[action]}.")

    def _test(self, rows: Sequence[KeyRow], *, is_json: bool) -> None:
        """A key that fails otherwise than by being dead stays as it is."""
        by_id = {row.id: row for row in rows}
        findings = key_tests.ask_provider(list(by_id))
        changes = key_tests.follow_audited(findings, audit.command("keys test"))
        if is_json:
            found = [
                _result_json(by_id[result.key_id], result, changes) for result in findings.results
            ]
            self._print_json(found)
        else:
            described = [
                (result, key_tests.describe(result, changes)) for result in findings.results
            ]
            lines = [_result_line(by_id[result.key_id], result, text) for result, text in described]
            self.stdout.write("\n".join(lines) or "There is no key to test.")
        failed = sum(not result.ok for result in findings.results)
        if failed:
            raise CommandError(f"{failed} of {_counted(findings.results)} failed.")

    def _print_json(self, value: Any) -> None:
        self.stdout.write(json_text(value, self.stdout))


def _cells(row: KeyRow, now: datetime) -> list[str]:
    numbers = (row.requests, row.rate_limited, row.errors, row.prompt_tokens, row.output_tokens)
    last_used = local_text(row.last_used_at) if row.last_used_at else "never"
    has_reason = row.state == KeyState.DISABLED and row.status_reason
    reason = f" ({row.status_reason})" if has_reason else ""
    state = "; ".join(row.describe_state(now)) + reason
    return [
        str(row.id),
        row.group,
        row.name or "-",
        row.masked,
        *(f"{n:,}" for n in numbers),
        last_used,
        state,
    ]


def _label(row: KeyRow) -> str:
    return f"{row.id}  {row.group}  {row.name or '-'}  {row.masked}"


def _counted(things: Sequence[Any]) -> str:
    return "1 key" if len(things) == 1 else f"{len(things)} keys"


def _result_json(row: KeyRow, result: "ProbeResult", changes: key_tests.Changes) -> dict[str, Any]:
    label = {"id": row.id, "name": row.name, "group": row.group, "masked": row.masked}
    found = {"ok": result.ok, "status": result.status, "message": result.message}
    taken_out = {"taken_out": True} if result.key_id in changes.condemned else {}
    own_exit = {"exit": row.exit.text} if row.exit.is_own else {}
    return {**label, **found, "enabled": result.key_id in changes.enabled, **taken_out, **own_exit}


def _result_line(row: KeyRow, result: "ProbeResult", text: str) -> str:
    verdict = "ok" if result.ok else "FAILED"
    status = "no answer" if result.status is None else str(result.status)
    through = f"  through {row.exit.text}" if row.exit.is_own else ""
    return f"{verdict:<6}  {_label(row)}{through}  {status}  {text}".rstrip()
