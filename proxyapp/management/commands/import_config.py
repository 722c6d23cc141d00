"""`manage.py import_config`: makes the database follow a config file whole."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from proxyapp.config.file import Config, ConfigError, load
from proxyapp.config.importing import import_config
from proxyapp.config.report import Report
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.moving import import_everything, is_everything

MANY_KEYS = 500


class Command(DatabaseCommand):
    help = (
        "Makes groups and keys what a config file says, in one transaction, and prints what"
        " changed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="such as config.yaml")
        parser.add_argument(
            "--dry-run", action="store_true", help="print the same report and change nothing"
        )
        parser.add_argument(
            "--prune",
            action="store_true",
            help="also remove groups and keys that are not in the file",
        )
        parser.add_argument(
            "--passphrase-fd",
            metavar="N",
            type=int,
            help="for a file of `export_config --everything`: its passphrase's descriptor",
        )

    def handle(
        self,
        *_: Any,
        file: Path,
        dry_run: bool,
        prune: bool,
        passphrase_fd: int | None = None,
        **__: Any,
    ) -> None:
        try:
            lines = (
                import_everything(file, passphrase_fd, dry_run=dry_run)
                if is_everything(file)
                else _import(load(file), file, prune=prune, dry_run=dry_run).lines()
            )
        except ConfigError as error:
            raise CommandError(f"{file} was not imported:\n{error}") from error
        for line in lines:
            self.stdout.write(line)
        if dry_run:
            self.stdout.write("dry run: nothing was changed")


def _import(config: Config, file: Path, *, prune: bool, dry_run: bool) -> Report:
    count = sum(len(group.api_keys) for group in config.groups)
    if count <= MANY_KEYS or not sys.stderr.isatty():
        return import_config(config, source=file, prune=prune, dry_run=dry_run)
    columns = TextColumn("importing keys"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("keys", total=count)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return import_config(config, source=file, prune=prune, dry_run=dry_run, progress=show)
