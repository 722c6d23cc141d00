"""The config file read again while the gateway serves: what changed in it takes effect, and what is
wrong with it changes nothing.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connections

from gateway.start_environment import as_at_a_start
from proxyapp.config.apply_environment import apply_environment
from proxyapp.config.environment_keys import EnvironmentKeys
from proxyapp.config.file import ConfigError, ServerConfig, keys_beside_no_file, load
from proxyapp.config.importing import apply_changes
from proxyapp.config.own_address import refuse_own_address
from proxyapp.models import audit
from proxyapp.process import tls_files
from proxyapp.process.bootstrap import database_errors_explained
from proxyapp.process.service_manager import MANAGER
from proxyapp.process.start_error import StartError
from proxyapp.server.certificate import ServerCertificate
from proxyapp.vocabulary.addresses import Listening

logger = logging.getLogger(__name__)
WARNING = "warning: "
AGAIN_SECONDS = 15.0  # after a database that was away


@dataclass
class ConfigReload:
    """`is_needed` False: there may be no file. `server`: what the file said at the start; None: it
    is not known. `named`: the files with keys that it names. `is_due`: the last time the database
    could not take it, and it is tried again until it can.
    """

    path: Path
    is_needed: bool
    server: ServerConfig | None
    addresses: Sequence[Listening]
    named: tuple[Path, ...] = ()
    is_due: bool = False
    _wish: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def files(self) -> list[Path]:
        return [self.path, *self.named]

    def begin(self) -> None:
        """On a thread. Who wants it while it goes on gets one more afterwards."""
        self._wish.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._go_on, name="config-reload", daemon=True
                )
                self._thread.start()

    def _go_on(self) -> None:
        while True:
            self._wish.wait(AGAIN_SECONDS if self.is_due else None)
            self._wish.clear()
            self._run()

    def _run(self) -> None:
        MANAGER.is_reloading()
        try:
            self.run()
        finally:
            MANAGER.has_reloaded()

    def run(self) -> None:
        try:
            with database_errors_explained():
                for line in self._applied():
                    text = line.removeprefix(WARNING)
                    logger.log(logging.INFO if text == line else logging.WARNING, "%s", text)
        except (ConfigError, StartError) as error:
            self.is_due = isinstance(error, StartError)
            logger.error("Groups and keys stay as they are. %s", error)
        else:
            self.is_due = False
        finally:
            connections.close_all()

    def _applied(self) -> Iterator[str]:
        """What there is to say of it. Raises ConfigError and django.db.Error."""
        environment, problems = as_at_a_start(settings.ENV_FILE)
        if problems:
            raise ConfigError(problems)
        if self.is_needed or self.path.exists():
            yield from self._applied_file(environment)
        elif found := keys_beside_no_file(environment):
            yield from self._applied_environment(found)
        yield "The config was read again."

    def _applied_environment(self, found: EnvironmentKeys) -> Iterator[str]:
        if found.group.api_keys:
            report = apply_environment(found.group, by=audit.RELOAD)
            yield from (_placed("environment", line) for line in report.news())
        self.named = found.files

    def _applied_file(self, environment: dict[str, str]) -> Iterator[str]:
        try:
            config = load(self.path, environment)
            refuse_own_address(config, self.addresses)
            report = apply_changes(self.path, config, by=audit.RELOAD)
        except ConfigError as error:
            raise error.in_file(self.path) from error
        yield from (_placed(self.path, line) for line in report.news())
        self.named = config.files
        if self.server not in (None, config.server):
            yield f"{WARNING}{self.path}: what has changed under server takes effect at a start"
        self.server = config.server


def _placed(where: object, line: str) -> str:
    """A warning stays one."""
    text = line.removeprefix(WARNING)
    return f"{where}: {line}" if text == line else f"{WARNING}{where}: {text}"


def read_again(certificate: ServerCertificate | None, reload: ConfigReload) -> None:
    """What a SIGHUP to one process asks for."""
    if certificate is not None:
        tls_files.renew(certificate)
    reload.begin()
    logger.info(
        "For new code and settings one process has to stop; `serve --workers 2` can do without."
    )
