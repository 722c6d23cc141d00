"""`serve --watch`: the config file is read again once it has changed, and so are the files that it
names.
"""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from proxyapp.process.config_reload import ConfigReload

# Between two looks. What is being written changes meanwhile, and is left until it stays the same.
LOOK_SECONDS = 1.0

Mark = tuple[int, int, int, int] | None


class ConfigWatch:
    """`files`: those that count now. A file that takes the place of another has a mark of its own,
    and so has one behind a link that was turned.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], reload: Callable[[], None]) -> None:
        self._files = files
        self._reload = reload
        self._read = self._last = self._marks()

    def start(self) -> None:
        threading.Thread(target=self._go_on, name="config-watch", daemon=True).start()

    def _go_on(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        before, self._last = self._last, self._marks()
        if before == self._last != self._read:
            self._read = self._last
            self._reload()

    def _marks(self) -> dict[Path, Mark]:
        return {path: _mark(path) for path in self._files()}


def watch_of(reload: ConfigReload) -> ConfigWatch:
    return ConfigWatch(reload.files, reload.begin)


def _mark(path: Path) -> Mark:
    """None: it is not there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
