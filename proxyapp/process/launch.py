"""The order of a start: what can be wrong without a change is looked at first, and the URLs are
said last.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import NoReturn

from django.conf import settings

from gateway import compiled
from gateway.path_prefix import settings_below
from gateway.places import program
from gateway.start_environment import GIVEN
from proxyapp.config.file import ServerConfig
from proxyapp.metrics.shared_files import RUN, new_run
from proxyapp.process import listen_address, listener, supervision, tls_files
from proxyapp.process.config_reload import ConfigReload, read_again
from proxyapp.process.config_watch import watch_of
from proxyapp.process.listen_address import ListenAddress, ListenOptions
from proxyapp.process.preparation import Preparation
from proxyapp.process.service_manager import MANAGER
from proxyapp.process.serving import client_ports, serve
from proxyapp.process.sighup import (
    AT_START,
    ignore_hangups,
    reload_at_hangups,
    survive_hangups,
)
from proxyapp.process.start_error import StartError
from proxyapp.process.supervision import Supervision
from proxyapp.process.worker import SupervisorLink

MAX_WORKERS = 256


@dataclass
class Launch:
    """`link` and `given_sockets` are a worker's descriptors: of its link to its supervisor, and of
    the sockets that it serves, with commas.

    Both are None in a process that a person started. `prepares`: it only does what a rolling
    restart begins with.
    """

    config: Path | None
    listen: ListenOptions
    workers: str
    server: str
    link: int | None
    given_sockets: str | None
    prepares: bool
    watches: bool
    say: Callable[[str], None]

    def run(self) -> int:
        """Returns the exit code. Raises StartError, ConfigError or ListenError."""
        if self.link is not None and self.given_sockets is not None:
            descriptors = map(int, self.given_sockets.split(","))
            return self._work(
                SupervisorLink(self.link), [socket(fileno=each) for each in descriptors]
            )
        count = self._count()
        preparation = Preparation(self.config, self.say)
        preparation.read_config()
        address = listen_address.chosen(self.listen, preparation.config, preparation.path)
        certificate = tls_files.loaded(address.files)
        if self.prepares:
            return self._prepare_only(preparation, address)
        preparation.refuse_own_address(address.listening)
        listen_address.tell_settings(address)
        server = preparation.config.server if preparation.config else ServerConfig()
        take_over(server)
        reload = _reload(preparation, address, server)
        watch = watch_of(reload)  # from before the file is read to be applied
        bound = [listener.bind_exclusively(address.host, port) for port in address.ports]
        preparation.run(address.files, bound[0])
        if count > 1:
            for each in bound:
                each.close()
            self._supervise(count, address, preparation)
        survive_hangups()

        def on_listening() -> None:
            reload_at_hangups(lambda: read_again(certificate, reload))
            for line in [*_remarks(preparation, address), *preparation.greeting(address.urls)]:
                self.say(line)
            MANAGER.is_ready()
            if self.watches:
                watch.start()

        ports = client_ports(bound, certificate)
        serve(self.server, ports, on_listening=on_listening, on_draining=_leave)
        return 0

    def _work(self, link: SupervisorLink, bound: list[socket]) -> int:
        ignore_hangups()  # a terminal sends it to the workers, too
        address = listen_address.chosen(self.listen, None, settings.DEFAULT_CONFIG)
        listen_address.tell_settings(address)
        ports = client_ports(bound, tls_files.loaded(address.files))
        reload = _reload(Preparation(self.config, self.say), address, None)

        def on_listening() -> None:
            link.report_ready()
            if self.watches:
                reload.begin()  # to know which files it names
                watch_of(reload).start()

        serve(self.server, ports, on_listening=on_listening, on_draining=link.report_leaving)
        return 0

    def _prepare_only(self, preparation: Preparation, address: ListenAddress) -> int:
        preparation.run(address.files)
        for line in [*preparation.notes, *preparation.credentials()]:
            self.say(line)
        return 0

    def _supervise(self, count: int, address: ListenAddress, preparation: Preparation) -> NoReturn:
        preparation.notes.append(f"Restart without losing a request: kill -HUP {os.getpid()}")
        serve = [*program(), "serve"]
        config = [] if self.config is None else ["--config", str(self.config)]
        watch = ["--watch"] if self.watches else []
        place = ["--server", self.server, *address.options(), *watch]
        for line in _remarks(preparation, address):
            self.say(line)
        supervision.begin(
            Supervision(
                address.host,
                address.ports,
                [
                    [each.detach() for each in listener.bind_all(address.host, address.ports)]
                    for _ in range(count)
                ],
                worker=[*serve, *config, *place],
                preparation=[*serve, *config, *address.options(), "--prepare"],
                greeting=preparation.greeting(address.urls),
                logging=settings.LOGGING,
                is_terminal_heeded=AT_START.matters,
            ),
            [*serve, *config, *place, "--workers", str(count)],
            GIVEN
            | {RUN: new_run()}
            | ({"ALLOW_ANONYMOUS": "true"} if settings.ALLOW_ANONYMOUS else {})
            | ({"PATH_PREFIX": settings.PATH_PREFIX} if settings.PATH_PREFIX else {}),
        )

    def _count(self) -> int:
        if (
            not self.workers.isascii()
            or not self.workers.isdigit()
            or not 1 <= int(self.workers[:9]) <= MAX_WORKERS
        ):
            raise StartError(f"--workers {self.workers!r} is not a number from 1 to {MAX_WORKERS}.")
        return int(self.workers)


def _reload(
    preparation: Preparation, address: ListenAddress, server: ServerConfig | None
) -> ConfigReload:
    """`server`: what the file said at the start; None: a worker does not know."""
    return ConfigReload(
        preparation.path,
        is_needed=preparation.is_file_wanted,
        server=server,
        addresses=address.listening,
        named=preparation.key_files,
    )


def _remarks(preparation: Preparation, address: ListenAddress) -> list[str]:
    notes = [compiled.told(), *preparation.notes]
    if address.names or settings.HOSTS_ARE_CONFIGURED:
        return notes
    return [
        *notes,
        "The admin answers as localhost only: name its other hosts in ALLOWED_HOSTS.",
    ]


def _leave() -> None:
    ignore_hangups()
    MANAGER.is_stopping()


def take_over(server: ServerConfig) -> None:
    """What the config file says where a setting says it, too."""
    if server.allow_anonymous:
        settings.ALLOW_ANONYMOUS = True
    if server.path_prefix:
        for name, value in settings_below(server.path_prefix).items():
            setattr(settings, name, value)
