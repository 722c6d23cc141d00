"""The order of a start: what can be wrong without a change is looked at first, and the URLs are
said last.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import NoReturn

from django.conf import settings
from django.db import connections

from gateway import compiled
from gateway.path_prefix import settings_below
from gateway.places import program
from gateway.start_environment import GIVEN
from proxyapp.config.apply_environment import apply_environment
from proxyapp.config.environment_keys import EnvironmentKeys
from proxyapp.config.file import Config, ConfigError, ServerConfig, keys_beside_no_file, load
from proxyapp.config.importing import apply_changes
from proxyapp.config.own_address import refuse_own_address
from proxyapp.metrics.shared_files import RUN, new_run
from proxyapp.models import ApiKey, Group
from proxyapp.process import (
    bootstrap,
    environment_notes,
    environment_token,
    file_modes,
    greeting,
    listen_address,
    listener,
    start_lock,
    start_warnings,
    supervision,
    tls_files,
)
from proxyapp.process.bootstrap import Administrator, database_errors_explained
from proxyapp.process.config_reload import ConfigReload, read_again
from proxyapp.process.config_watch import watch_of
from proxyapp.process.listen_address import ListenAddress, ListenOptions
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
    _notes: list[str] = field(default_factory=list)
    _environment: EnvironmentKeys | None = None
    _administrator: Administrator | None = None
    _keys: int = 0
    _groups: int = 0

    def run(self) -> int:
        """Returns the exit code. Raises StartError, ConfigError or ListenError."""
        if self.link is not None and self.given_sockets is not None:
            descriptors = map(int, self.given_sockets.split(","))
            return self._work(
                SupervisorLink(self.link), [socket(fileno=each) for each in descriptors]
            )
        count = self._count()
        path, config = self._read_config()
        address = listen_address.chosen(self.listen, config, path)
        certificate = tls_files.loaded(address.files)
        if self.prepares:
            return self._prepare_only(path, address)
        if config is not None:
            self._refuse_own_address(config, path, address)
        listen_address.tell_settings(address)
        if config is not None:
            take_over(config.server)
        reload = self._reload(path, address, config or Config(ServerConfig(), ()))
        watch = watch_of(reload)  # from before the file is read to be applied
        bound = [listener.bind_exclusively(address.host, port) for port in address.ports]
        self._prepare(path, address, bound[0])
        if count > 1:
            for each in bound:
                each.close()
            self._supervise(count, address, path)
        survive_hangups()

        def on_listening() -> None:
            reload_at_hangups(lambda: read_again(certificate, reload))
            self._greet(address, path)
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
        reload = self._reload(self.config or settings.DEFAULT_CONFIG, address, None)

        def on_listening() -> None:
            link.report_ready()
            if self.watches:
                reload.begin()  # to know which files it names
                watch_of(reload).start()

        serve(self.server, ports, on_listening=on_listening, on_draining=link.report_leaving)
        return 0

    def _reload(self, path: Path, address: ListenAddress, config: Config | None) -> ConfigReload:
        """`config`: what there was at the start; None: a worker does not know."""
        keys_of_environment = self._environment.files if self._environment else ()
        return ConfigReload(
            path,
            is_needed=self.config is not None or path.exists(),
            server=None if config is None else config.server,
            addresses=[(address.host, port) for port in address.ports],
            named=(*(config.files if config else ()), *keys_of_environment),
        )

    def _prepare_only(self, path: Path, address: ListenAddress) -> int:
        self._prepare(path, address)
        for line in [*self._notes, *greeting.credentials(self._administrator)]:
            self.say(line)
        return 0

    def _supervise(self, count: int, address: ListenAddress, path: Path) -> NoReturn:
        self._notes.append(f"Restart without losing a request: kill -HUP {os.getpid()}")
        serve = [*program(), "serve"]
        config = [] if self.config is None else ["--config", str(self.config)]
        watch = ["--watch"] if self.watches else []
        place = ["--server", self.server, *address.options(), *watch]
        for line in self._remarks(address):
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
                greeting=self._greeting(address, path),
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

    def _read_config(self) -> tuple[Path, Config | None]:
        """A config file is optional unless it was named."""
        path = self.config or settings.DEFAULT_CONFIG
        if self.config is None and not path.exists():
            self._environment = keys_beside_no_file()
            self._notes += environment_notes.lines(path, self._environment)
            return path, None
        try:
            config = load(path)
        except ConfigError as error:
            raise error.in_file(path) from error
        for file in config.account_files:
            self._notes += file_modes.private_key_warnings(file)
        self._notes += file_modes.warnings(config.key_files)
        return path, config

    def _refuse_own_address(self, config: Config, path: Path, address: ListenAddress) -> None:
        try:
            refuse_own_address(config, [(address.host, port) for port in address.ports])
        except ConfigError as error:
            raise error.in_file(path) from error

    def _prepare(self, path: Path, address: ListenAddress, bound: socket | None = None) -> None:
        with database_errors_explained():
            with start_lock.alone(self.say):
                refusal = self._bring_up_to_date(path, bound)
            if refusal:
                raise StartError(refusal)
            self._notes += start_warnings.lines(path, address.files)
            self._notes += start_warnings.what_daily_costs()
            self._keys = ApiKey.objects.count()
            self._groups = Group.objects.count()
        connections.close_all()

    def _bring_up_to_date(self, path: Path, bound: socket | None) -> str:
        """Why the address may not be served; then the schema is there, for whoever makes a token.

        The administrator comes last: a password that nobody is told would be lost.
        """
        applied = bootstrap.migrate()
        if applied:
            self._notes.append(f"The database was brought up to date ({applied} migrations).")
        self._notes += environment_token.made()
        if bound is not None and (refusal := bootstrap.strangers_refusal(*bound.getsockname()[:2])):
            return refusal
        if self.config is not None or path.exists():
            self._import(path)
        elif self._environment is not None and self._environment.group.api_keys:
            report = apply_environment(self._environment.group)
            self._notes += [f"environment: {line}" for line in report.news()]
        self._administrator = bootstrap.ensure_administrator()
        return ""

    def _import(self, path: Path) -> None:
        try:
            report = apply_changes(path)
        except ConfigError as error:
            raise error.in_file(path) from error
        self._notes += [f"{path}: {line}" for line in report.news()]

    def _greet(self, address: ListenAddress, path: Path) -> None:
        for line in [*self._remarks(address), *self._greeting(address, path)]:
            self.say(line)

    def _remarks(self, address: ListenAddress) -> list[str]:
        notes = [compiled.told(), *self._notes]
        if address.names or settings.HOSTS_ARE_CONFIGURED:
            return notes
        return [
            *notes,
            "The admin answers as localhost only: name its other hosts in ALLOWED_HOSTS.",
        ]

    def _greeting(self, address: ListenAddress, path: Path) -> list[str]:
        found = self._administrator, self._keys, self._groups
        return greeting.lines(address.urls, *found, path)


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
