"""`manage.py import_from`: takes over what another gateway's files hold."""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from gateway.environment import own_variables
from proxyapp.config.contents import ConfigError
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.management.json_text import json_text
from proxyapp.management.url_argument import checked_url, is_named, named_text
from proxyapp.models import audit
from proxyapp.operators.two_databases import shown
from proxyapp.peers.applying import apply_moved
from proxyapp.peers.formats import FORMATS, format_of, moved_from
from proxyapp.peers.gpt_load_secrets import VARIABLE
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.source import Source, read_source
from proxyapp.peers.telling import as_json, lines_of

AUTO = "auto"
NOT_READ = "a database of MySQL is not read: export from the other gateway as text or JSON"
FILE = "a SQLite database is named by its file"
# As programs write its addresses, which have passwords.
MYSQL = re.compile(r"(?:mysql|mariadb)[^:/]*://|.*@(?:tcp|unix)\(", re.IGNORECASE)


class Command(DatabaseCommand):
    help = (
        "Takes over groups, keys, exits and client tokens from files of another gateway, in one"
        " transaction, and says what had no place. Clients keep their credentials."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "peer",
            metavar="FORMAT",
            choices=[AUTO, *FORMATS],
            help=f"{AUTO} (told by what is in the files), {', '.join(FORMATS)}",
        )
        parser.add_argument(
            "files",
            metavar="FILE",
            nargs="+",
            help="docs/MIGRATION.md names them; or a PostgreSQL database's URL, where it has a"
            " password as env:NAME, the variable that holds it",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print the same report and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(
        self, *_: Any, peer: str, files: Sequence[str], dry_run: bool, json: bool, **__: Any
    ) -> None:
        try:
            sources = [_source(name) for name in files]
            peer = _peer(sources) if peer == AUTO else peer
            moved = _moved(peer, sources)
            applied = apply_moved(moved, audit.command("import_from"), dry_run=dry_run)
        except ConfigError as error:
            raise CommandError(f"nothing was imported:\n{error}") from error
        if json:
            self.stdout.write(json_text(as_json(moved, applied, dry_run=dry_run), self.stdout))
            return
        for line in lines_of(moved, applied):
            self.stdout.write(line)
        if dry_run:
            self.stdout.write("dry run: nothing was changed")


def _moved(peer: str, sources: Sequence[Source]) -> MovedIn:
    """Asks for what opens encrypted keys, where somebody is there to answer."""
    variables = own_variables()
    moved = moved_from(peer, sources, variables)
    if moved.encrypted and not variables.get(VARIABLE) and sys.stdin.isatty():
        text = f"{moved.encrypted} keys are encrypted. {VARIABLE} of {peer} (empty: without them): "
        if password := getpass(text):
            moved = moved_from(peer, sources, {**variables, VARIABLE: password})
    return moved


def _source(given: str) -> Source:
    text = named_text(given, "FILE")
    if MYSQL.match(text):
        raise ConfigError([NOT_READ])
    if not is_named(given) and "://" not in given:
        return read_source(Path(given))
    url = checked_url(given, "FILE")
    if url.startswith("sqlite"):
        raise ConfigError([FILE])
    return Source(shown(url), b"", url=url)


def _peer(sources: Sequence[Source]) -> str:
    peers = {format_of(source): source for source in sources}
    if len(peers) > 1:
        raise ConfigError([f"the files are of {' and '.join(peers)}: import them one by one"])
    return next(iter(peers))
