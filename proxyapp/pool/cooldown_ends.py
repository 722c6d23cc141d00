"""When a cooldown that was read ends for this process: after its own length at the latest.

The clock that wrote it may have been days ahead, and this process's may be set while it runs.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from proxyapp.vocabulary.clock import elapsed_seconds

FEWEST_TIDIED = 1_000


class ReadEnd(NamedTuple):
    """`at`: of `elapsed_seconds`; `until`: as it is written."""

    at: float
    until: datetime


class CooldownEnds:
    """What this process has read, by event: an end that it has once seen stays where it is, or
    comes sooner if the row is changed.
    """

    def __init__(self, elapsed: Callable[[], float] = elapsed_seconds) -> None:
        self._elapsed = elapsed
        self._known: dict[int, ReadEnd] = {}
        self._read = self._known
        self._most = FEWEST_TIDIED

    def start_reading(self, now: datetime) -> datetime:
        """Of all events that run; what `ask_after` says."""
        self._read = {}
        return self.ask_after(now)

    def ask_after(self, now: datetime) -> datetime:
        """After when an event's end has to be asked for: before `now` if the clock was set
        forward while one ran.
        """
        elapsed = self._elapsed()
        before = (
            end.until - timedelta.resolution for end in self._known.values() if end.at > elapsed
        )
        return min([now, *before])

    def left(self, event_id: int, occurred_at: datetime, until: datetime, now: datetime) -> float:
        """In seconds; nothing, or less, when it is over."""
        elapsed = self._elapsed()
        known = self._known.get(event_id)
        if known is None or known.until != until:
            seconds = min(until - now, until - occurred_at) / timedelta(seconds=1)
            at = elapsed + seconds if known is None else min(known.at, elapsed + seconds)
            known = ReadEnd(at, until)
        self._read[event_id] = known
        return known.at - elapsed

    def end_reading(self) -> None:
        """Forgets what was not read again: it is released, or gone."""
        self._known = self._read

    def tidy(self, before: datetime) -> None:
        """Forgets what is over and ended before then, once there is twice as much as last time."""
        if len(self._known) < self._most:
            return
        elapsed = self._elapsed()
        kept = {
            event_id: end
            for event_id, end in self._known.items()
            if end.at > elapsed or end.until > before
        }
        self._known = self._read = kept
        self._most = max(2 * len(kept), FEWEST_TIDIED)
