"""`manage.py export_config`: groups and keys as a config file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from proxyapp.config.exporting import Export, export_groups, write_private
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.moving import export_everything
from proxyapp.models import audit
from proxyapp.vocabulary.terminal import takes_unicode


class Command(DatabaseCommand):
    help = (
        "Writes groups and keys as a file that import_config takes back. Status, cooldowns and"
        " usage are not in it; with --everything all but usage and logs is, encrypted."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", type=Path, nargs="?", help="made readable for its owner only"
        )
        parser.add_argument(
            "--mask",
            action="store_true",
            help="mask keys and passwords, to show the file to others",
        )
        parser.add_argument(
            "--everything",
            action="store_true",
            help="a file, encrypted with a passphrase, that restores this gateway on a new machine",
        )
        parser.add_argument(
            "--passphrase-fd", metavar="N", type=int, help="read the passphrase from descriptor N"
        )

    def handle(
        self,
        *_: Any,
        file: Path | None,
        mask: bool,
        everything: bool,
        passphrase_fd: int | None,
        **__: Any,
    ) -> None:
        if everything:
            if file is None or mask:
                raise CommandError("--everything needs a FILE, and masks nothing")
            self.stdout.write(export_everything(file, passphrase_fd))
            return
        is_ascii = file is None and not takes_unicode(self.stdout)
        export = export_groups(mask=mask, is_ascii=is_ascii)
        with transaction.atomic():
            if not mask:
                _audit(file)
            self._write(export, file)
        if export.unreadable:
            lines = "\n".join(export.unreadable)
            raise CommandError(
                f"The export is incomplete, the present SECRET_KEY cannot read:\n{lines}"
            )

    def _write(self, export: Export, file: Path | None) -> None:
        if file is None:
            self.stdout.write(export.text, ending="")
            return
        try:
            write_private(file, export.text)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror or error}") from error


def _audit(file: Path | None) -> None:
    label = "standard output" if file is None else str(file.absolute())
    audit.record_whole(
        audit.command("export_config"),
        "export",
        audit.CONFIG_FILE,
        label=label,
        detail="keys in clear",
    )
