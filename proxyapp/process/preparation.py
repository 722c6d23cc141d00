"""What a start makes ready before it serves, from the config to an administrator, and what there is
to say of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from django.conf import settings
from django.db import connections

from proxyapp.config.apply_environment import apply_environment
from proxyapp.config.environment_keys import EnvironmentKeys
from proxyapp.config.file import Config, ConfigError, keys_beside_no_file, load
from proxyapp.config.importing import apply_changes
from proxyapp.config.own_address import refuse_own_address
from proxyapp.models import ApiKey, Group
from proxyapp.process import (
    bootstrap,
    environment_notes,
    environment_token,
    file_modes,
    greeting,
    start_lock,
    start_warnings,
)
from proxyapp.process.bootstrap import Administrator, database_errors_explained
from proxyapp.process.start_error import StartError
from proxyapp.server.certificate import CertificateFiles
from proxyapp.vocabulary.addresses import Listening


@dataclass
class Preparation:
    """`named`: the config file of the command line; without one the file is optional."""

    named: Path | None
    say: Callable[[str], None]
    notes: list[str] = field(default_factory=list)
    config: Config | None = None
    _environment: EnvironmentKeys | None = None
    _administrator: Administrator | None = None
    _keys: int = 0
    _groups: int = 0

    @property
    def path(self) -> Path:
        return self.named or settings.DEFAULT_CONFIG

    @property
    def is_file_wanted(self) -> bool:
        return self.named is not None or self.path.exists()

    @property
    def key_files(self) -> tuple[Path, ...]:
        """That the config file, or the environment, names."""
        found = self.config or self._environment
        return found.files if found else ()

    def read_config(self) -> None:
        """Raises ConfigError."""
        if not self.is_file_wanted:
            self._environment = keys_beside_no_file()
            self.notes += environment_notes.lines(self.path, self._environment)
            return
        try:
            self.config = load(self.path)
        except ConfigError as error:
            raise error.in_file(self.path) from error
        for file in self.config.account_files:
            self.notes += file_modes.private_key_warnings(file)
        self.notes += file_modes.warnings(self.config.key_files)

    def refuse_own_address(self, addresses: Sequence[Listening]) -> None:
        if self.config is None:
            return
        try:
            refuse_own_address(self.config, addresses)
        except ConfigError as error:
            raise error.in_file(self.path) from error

    def run(self, certificate: CertificateFiles | None, bound: socket | None = None) -> None:
        """`bound`: what others may reach. Raises StartError and ConfigError."""
        with database_errors_explained():
            with start_lock.alone(self.say):
                refusal = self._bring_up_to_date(bound)
            if refusal:
                raise StartError(refusal)
            self.notes += start_warnings.lines(self.path, certificate)
            self.notes += start_warnings.what_daily_costs()
            self._keys = ApiKey.objects.count()
            self._groups = Group.objects.count()
        connections.close_all()

    def _bring_up_to_date(self, bound: socket | None) -> str:
        """Why the address may not be served; then the schema is there, for whoever makes a token.

        The administrator comes last: a password that nobody is told would be lost.
        """
        applied = bootstrap.migrate()
        if applied:
            self.notes.append(f"The database was brought up to date ({applied} migrations).")
        self.notes += environment_token.made()
        if bound is not None and (refusal := bootstrap.strangers_refusal(*bound.getsockname()[:2])):
            return refusal
        if self.is_file_wanted:
            self._import()
        elif self._environment is not None and self._environment.group.api_keys:
            report = apply_environment(self._environment.group)
            self.notes += [f"environment: {line}" for line in report.news()]
        self._administrator = bootstrap.ensure_administrator()
        return ""

    def _import(self) -> None:
        try:
            report = apply_changes(self.path)
        except ConfigError as error:
            raise error.in_file(self.path) from error
        self.notes += [f"{self.path}: {line}" for line in report.news()]

    def credentials(self) -> list[str]:
        return greeting.credentials(self._administrator)

    def greeting(self, urls: Sequence[str]) -> list[str]:
        return greeting.lines(urls, self._administrator, self._keys, self._groups, self.path)
