"""`manage.py reencrypt`: the step after a new SECRET_KEY that lets the older one go."""

from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from gateway.places import NAME
from proxyapp.config.reencrypt import CannotReencrypt, reencrypt
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.models import audit


class Command(DatabaseCommand):
    help = (
        "Encrypts every key, proxy, second factor and URL of alerts under the current SECRET_KEY."
        " Restart the gateway with the new secret first (older ones in SECRET_KEY_FALLBACKS,"
        " or below the new one in var/secret_key); drop the older ones afterwards."
    )
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            with transaction.atomic():
                done = reencrypt()
                text = (
                    f"{done.keys} keys and {done.proxies} proxies are encrypted under the current"
                    " SECRET_KEY"
                )
                text += f", and {done.second_factors} second factors" if done.second_factors else ""
                text += f", and {done.alert_channels} URLs of alerts" if done.alert_channels else ""
                audit.record_whole(
                    audit.command("reencrypt"), "reencrypt", audit.DATABASE, detail=text
                )
        except CannotReencrypt as error:
            raise CommandError(f"Nothing was changed:\n{error}") from error
        self.stdout.write(text)
        for source in done.unproven:
            self.stdout.write(
                f"warning: {source} cannot be read now; the next start with it applies it whole"
            )
        if done.bound_tokens:
            self.stdout.write(
                f"warning: {done.bound_tokens} client tokens were made under an older SECRET_KEY."
                " Only their hash is known, so they stop working when it is removed: keep it, or"
                f" replace them (see `{NAME} tokens list`)"
            )
