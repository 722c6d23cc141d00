"""`manage.py restore`: what `backup` has written becomes the database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from gateway.start_environment import GIVEN
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.moving import keep_secrets
from proxyapp.operators.backup import BackupError
from proxyapp.operators.restoring import Restored, put_back


class Command(DatabaseCommand):
    help = (
        "Makes the database what it was when `backup` wrote DIR, on this machine or another: all"
        " of it, or nothing when something is wrong."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path, help="what `backup` has made")
        parser.add_argument(
            "--secret",
            metavar="FILE",
            type=Path,
            help="what `backup --secret` has written; needed where this gateway has another secret",
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="also into a database that is in use: what it has is gone",
        )

    def handle(
        self, *_: Any, directory: Path, secret: Path | None, replace: bool, **__: Any
    ) -> None:
        try:
            restored = put_back(
                directory,
                GIVEN,
                _read(secret),
                is_replacing=replace,
                keep=keep_secrets,
            )
        except BackupError as error:
            raise CommandError(f"Nothing was changed: {error}") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror or error}") from error
        for line in _told(restored):
            self.stdout.write(line)


def _read(secret: Path | None) -> list[str]:
    """A line each, as in `secret_key` in VAR_DIR."""
    if secret is None:
        return []
    try:
        lines = [line.strip() for line in secret.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        raise CommandError(f"{secret} is not what `backup --secret` has written") from None
    return [line for line in lines if line]


def _told(restored: Restored) -> list[str]:
    lines = [f"{count} {name}" for name, count in restored.counts.items()]
    if restored.unreadable:
        lines.append(f"warning: {restored.unreadable} keys cannot be opened with any secret")
    if restored.is_older:
        lines.append("It is of an older version: the next start brings it up to date.")
    return [*lines, "The database is restored. Start the gateway anew."]
