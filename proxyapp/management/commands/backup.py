"""`manage.py backup`: the database, while the gateway runs; its secret only to a place apart."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from gateway.places import NAME
from gateway.start_environment import GIVEN
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.models import audit
from proxyapp.operators.backup import BackupError, back_up
from proxyapp.vocabulary.new_private_file import write_new


class Command(DatabaseCommand):
    help = (
        "Copies the database as it is now into a new directory; the gateway may run. Keys are"
        " encrypted in it: what opens them, the secret, is only written to a FILE that you name."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "directory", metavar="DIR", type=Path, help="made, for its owner only; not overwritten"
        )
        parser.add_argument(
            "--secret",
            metavar="FILE",
            type=Path,
            help="also write the secret, for its owner only: outside of DIR, to be kept elsewhere",
        )

    def handle(self, *_: Any, directory: Path, secret: Path | None, **__: Any) -> None:
        if secret is not None:
            _check_apart(secret, directory)
        try:
            if secret is not None:
                audit.record_whole(
                    audit.command("backup"),
                    "export",
                    audit.DATABASE,
                    label=str(secret.absolute()),
                    detail="the secret",
                )
            copy = back_up(directory, GIVEN)
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The database is in {copy} ({copy.stat().st_size:,} bytes).")
        if secret is None:
            self.stdout.write(
                f"Its keys cannot be read without the secret, which is not in it: `{NAME} backup"
                f" DIR --secret FILE` writes that too, or keep {_place_of_secret()}. Neither is the"
                " config file, which has keys in clear. Keep both apart from the backup."
            )
        else:
            _write_secret(secret)
            self.stdout.write(
                f"The secret is in {secret}: keep it apart from the backup, which it opens. The"
                " config file, which has keys in clear, is in neither."
            )


def _check_apart(secret: Path, directory: Path) -> None:
    if secret.resolve().is_relative_to(directory.resolve()):
        raise CommandError(f"{secret} is in {directory}: name a file apart from the backup")
    if secret.exists() or secret.is_symlink():
        raise CommandError(f"{secret} is there already: nothing is overwritten, name a new file")


def _write_secret(path: Path) -> None:
    """In the form of `secret_key` in VAR_DIR: the current one first, a line each."""
    lines = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    try:
        write_new(path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise CommandError(
            f"The database is backed up, but {path} cannot be written: {error.strerror}"
        ) from error


def _place_of_secret() -> str:
    path = settings.VAR_DIR / "secret_key"
    return f"{path}" if path.exists() else "the value of SECRET_KEY"
