"""`manage.py serve`: from a fresh clone to a listening gateway."""

import sys
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from proxyapp.config.file import ConfigError
from proxyapp.process.launch import Launch
from proxyapp.process.listen_address import ListenOptions
from proxyapp.process.listener import ListenError
from proxyapp.process.start_error import StartError
from proxyapp.vocabulary.terminal import tell


class Command(BaseCommand):
    help = (
        "Prepares what is missing (schema, administrator, keys of the config file) and serves the"
        " gateway."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--config", metavar="FILE", help="default: config.yaml, if there is one"
        )
        parser.add_argument(
            "--host", help="default: server.host of the config file, else 127.0.0.1"
        )
        parser.add_argument("--port", help="default: server.port of the config file, else 8080")
        parser.add_argument(
            "--certificate", metavar="FILE", help="PEM: HTTPS on the port, or on --tls-port"
        )
        parser.add_argument("--private-key", metavar="FILE", help="PEM: of the certificate")
        parser.add_argument(
            "--tls-port", metavar="PORT", help="HTTPS here, and HTTP stays on --port"
        )
        parser.add_argument(
            "--workers", default="1", metavar="N", help="processes on the port (default: 1)"
        )
        parser.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
        parser.add_argument(
            "--watch", action="store_true", help="read the config file again when it has changed"
        )
        parser.add_argument("--worker", type=int, help=SUPPRESS)
        parser.add_argument("--listener", help=SUPPRESS)
        parser.add_argument("--prepare", action="store_true", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        config = options["config"]
        try:
            code = Launch(
                config=None if config is None else Path(config),
                listen=ListenOptions(*(options[name] for name in ListenOptions._fields)),
                workers=options["workers"],
                server=options["server"],
                link=options["worker"],
                given_sockets=options["listener"],
                prepares=options["prepare"],
                watches=options["watch"],
                say=tell,
            ).run()
        except (StartError, ConfigError, ListenError) as error:
            self.stderr.write(str(error))
            code = 1
        if code:
            sys.exit(code)
