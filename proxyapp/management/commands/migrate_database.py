"""`manage.py migrate_database`: from SQLite to PostgreSQL, and back."""

from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from proxyapp.management.url_argument import checked_url
from proxyapp.operators.database_copy import CopyError, copy_rows, unreadable_keys
from proxyapp.operators.two_databases import become_default, opened, shown, without_passwords
from proxyapp.process.bootstrap import migrate
from proxyapp.process.start_error import StartError

FORMS = "postgresql://user@host:5432/name, sqlite:////path/to/file or env:NAME"


class Command(BaseCommand):
    help = (
        "Copies everything from one database into another that is empty: keys, tokens, users,"
        " usage, requests, the audit log. Stop the gateway before, and start it with the other"
        " DATABASE_URL afterwards. FROM stays as it is."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        hint = f"{FORMS}: the variable NAME, or line of .env, that has the URL and its password"
        parser.add_argument("source", metavar="FROM", help=hint)
        parser.add_argument("target", metavar="TO", help="likewise")
        parser.add_argument(
            "--replace", action="store_true", help="also where TO is in use: what it has is gone"
        )

    def handle(self, *_: Any, source: str, target: str, replace: bool, **__: Any) -> None:
        urls = checked_url(source, "FROM"), checked_url(target, "TO")
        if urls[0] == urls[1]:
            raise CommandError("FROM and TO are the same database.")
        try:
            with without_passwords(), closing(opened(urls[0])) as database:
                become_default(urls[1])
                migrate()
                counts = copy_rows(database, shown(urls[0]), is_replacing=replace)
                unreadable = unreadable_keys()
        except (CopyError, StartError) as error:
            raise CommandError(f"Nothing was copied: {error}") from None
        for name, count in counts.items():
            self.stdout.write(f"{count} {name}")
        if unreadable:
            self.stdout.write(f"warning: {unreadable} keys cannot be opened with the secret here")
        self.stdout.write(
            f"{shown(urls[1])} has as many of each as {shown(urls[0])}. Now start the gateway"
            " with that as DATABASE_URL, and the same secret."
        )
