"""That the database is away is told without it, from what a process remembers of the channels.

Of a machine's processes one does so: who has the lock of a file.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from proxyapp.alerts.channels import Channel
from proxyapp.alerts.letters import outage_letter
from proxyapp.alerts.sending import Letter
from proxyapp.alerts.story import LONGEST_RETRY_SECONDS, RETRY_SECONDS
from proxyapp.database.outage import Outage


@dataclass(slots=True)
class OutageTold:
    """What one channel knows of an outage."""

    is_told: bool = False
    tries: int = 0
    due_at: float = 0.0


class MachineLock:
    """Held until `leave`, or until the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Whether this process has it. Where it cannot be made each process has one."""
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def leave(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


class OutageNews:
    """`told`: by channel, of the outage that is, or that has just ended."""

    def __init__(self, lock: MachineLock) -> None:
        self._lock = lock
        self._told: dict[int, OutageTold] = {}
        self._since: datetime | None = None

    def due(
        self,
        channels: Sequence[Channel],
        outage: Outage | None,
        last: Outage | None,
        after: float,
        now: datetime,
    ) -> list[tuple[Channel, Letter, Callable[[bool], None]]]:
        """What to send now, and whom to tell whether it was taken."""
        if outage is not None:
            if (now - outage.since).total_seconds() < after or not self._lock.take():
                return []
            if self._since != outage.since:
                self._since, self._told = outage.since, {}
            return [
                (channel, outage_letter(outage.reason, outage.since, None, channel.zone), hear)
                for channel in channels
                if channel.hears_of_outages(now) and (hear := self._hearer(channel, now, True))
            ]
        if self._since is None or last is None or last.until is None:
            self._lock.leave()
            return []
        return self._ends(channels, last, last.until, now)

    def _ends(
        self, channels: Sequence[Channel], last: Outage, until: datetime, now: datetime
    ) -> list[tuple[Channel, Letter, Callable[[bool], None]]]:
        """Only to who was told that it began."""
        known = {channel.id for channel in channels}
        self._told = {k: told for k, told in self._told.items() if told.is_told and k in known}
        if not self._told:
            self._since = None
        return [
            (channel, outage_letter(last.reason, last.since, until, channel.zone), hear)
            for channel in channels
            if channel.id in self._told and (hear := self._hearer(channel, now, False))
        ]

    def _hearer(
        self, channel: Channel, now: datetime, is_told: bool
    ) -> Callable[[bool], None] | None:
        told = self._told.setdefault(channel.id, OutageTold())
        if told.is_told is is_told or now.timestamp() < told.due_at:
            return None

        def hear(is_taken: bool) -> None:
            if is_taken:
                told.is_told, told.tries, told.due_at = is_told, 0, 0.0
            else:
                wait = min(RETRY_SECONDS * 2**told.tries, LONGEST_RETRY_SECONDS)
                told.tries = min(told.tries + 1, 20)
                told.due_at = now.timestamp() + wait

        return hear
