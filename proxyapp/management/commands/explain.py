"""`manage.py explain`: which key would answer a request now, and why the others would not."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.text_table import plain_table
from proxyapp.operators.explaining import AskedModel, Explanation, ModelStep, explain
from proxyapp.operators.explanation_texts import (
    MOST_KEYS,
    counts_text,
    explanation_json,
    headline,
)
from proxyapp.operators.key_reasons import KeyVerdict
from proxyapp.operators.token_report import UnclearToken, choose_tokens
from proxyapp.vocabulary.times import local_text

COLUMNS = ("", "ID", "GROUP", "KEY", "PROJECT", "WHY", "UNTIL")


class Command(DatabaseCommand):
    requires_system_checks = ()
    help = (
        "Says which key would answer a request for a model now, and of every other key why it would"
        " not: by what the database knows. It asks no provider and spends no turn."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", required=True, help="as a client names it")
        parser.add_argument("--group", default="", help="of a request below /g/GROUP/")
        parser.add_argument(
            "--token",
            default="",
            help="the client's, by id, name or masked form (other users of the machine see it)",
        )
        parser.add_argument("--all", action="store_true", help=f"more than {MOST_KEYS} keys, too")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *_: Any, model: str, group: str, token: str, **options: Any) -> None:
        if not model.strip():
            raise CommandError("Which model? Give its name, as a client does.")
        try:
            token_id = choose_tokens([token])[0] if token else None
            explanation = explain(AskedModel(model.strip(), group.strip(), token_id))
        except UnclearToken as error:
            raise CommandError(str(error)) from error
        most = None if options["all"] else MOST_KEYS
        if options["json"]:
            shown = json_text(explanation_json(explanation, most), self.stdout)
        else:
            shown = "\n\n".join(_parts(explanation, most))
        self.stdout.write(shown)


def _parts(explanation: Explanation, most: int | None) -> list[str]:
    parts = [explanation.problem] if explanation.problem else []
    if explanation.barred:
        parts.append(f"The token may not use: {', '.join(explanation.barred)}.")
    if explanation.steps:
        parts.append(_answer(explanation))
    return [*parts, *(_step(step, most) for step in explanation.steps)]


def _answer(explanation: Explanation) -> str:
    step = explanation.answering
    if step is None or step.next_key is None:
        ends = [step.back_at for step in explanation.steps if step.back_at]
        back = f" The first is back at {local_text(min(ends), 'seconds')}." if ends else ""
        return f"No key can answer now.{back}"
    key = step.next_key.key
    return (
        f"Next: key {key.id} {key.shown} of group {key.group.name}, for {step.model}: {step.how}."
    )


def _step(step: ModelStep, most: int | None) -> str:
    lines = [headline(step)]
    if step.lacking:
        lines.append(f"Groups without it: {', '.join(step.lacking)}.")
    if step.keys:
        lines.append(f"{counts_text(step)}.")
        rows = [_cells(verdict, step) for verdict in step.keys[:most]]
        lines.append(plain_table(COLUMNS, rows, right=(1,)))
    if most is not None and len(step.keys) > most:
        lines.append(f"and {len(step.keys) - most:,} more: --all shows them.")
    return "\n".join(lines)


def _cells(verdict: KeyVerdict, step: ModelStep) -> list[str]:
    key = verdict.key
    event = f" (event {verdict.event_id})" if verdict.event_id else ""
    detail = f": {verdict.detail}" if verdict.detail else ""
    return [
        "→" if verdict is step.next_key else "",
        str(key.id),
        key.group.name,
        key.shown,
        key.project or "-",
        f"{verdict.reason}{detail}{event}",
        local_text(verdict.until, "seconds") if verdict.until else "-",
    ]
