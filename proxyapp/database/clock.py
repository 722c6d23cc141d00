"""The clock that all processes share: the database's. That of SQLite is the machine's."""

import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from proxyapp.vocabulary.clock import TOLERANCE_SECONDS

logger = logging.getLogger(__name__)
# Who waited longer for the answer does not know when it was given.
LONGEST_ANSWER = timedelta(seconds=1)
TOLERANCE = timedelta(seconds=TOLERANCE_SECONDS)


class DatabaseTime(NamedTuple):
    """`ahead`: of this machine's clock; nothing while the two agree, to within TOLERANCE."""

    now: datetime
    ahead: timedelta


def database_time() -> DatabaseTime:
    before = datetime.now(UTC)
    if connection.vendor != "postgresql":
        return DatabaseTime(before, timedelta())
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    after = datetime.now(UTC)
    ahead = now - (before + (after - before) / 2)
    is_known = timedelta() <= after - before < LONGEST_ANSWER
    if not is_known or abs(ahead) <= TOLERANCE:
        return DatabaseTime(now, timedelta())
    return DatabaseTime(now, ahead)


class ClockWarning:
    """What `/readyz` says while the two clocks differ; the log has it when that begins and ends.

    `ahead`: what was heard last of the database's.
    """

    def __init__(self) -> None:
        self.text = ""
        self.ahead = timedelta()

    def now(self) -> datetime:
        """What all processes take for the time, to within TOLERANCE: for what they agree on."""
        return datetime.now(UTC) + self.ahead

    def hear(self, time: DatabaseTime) -> None:
        self.ahead = time.ahead
        before, self.text = self.text, _difference(time.ahead)
        if self.text and not before:
            logger.warning("%s", self.text[0].upper() + self.text[1:])
        elif before and not self.text:
            logger.warning("The clocks of this machine and of the database agree again")


def _difference(ahead: timedelta) -> str:
    """Empty when they agree."""
    if not ahead:
        return ""
    seconds = abs(ahead) / timedelta(seconds=1)
    side = "behind" if ahead > timedelta() else "ahead of"
    return (
        f"this machine's clock is {seconds:.0f} s {side} the database's: set both by NTP"
        " (chrony, systemd-timesyncd), and cooldowns, limits and sessions end when they should"
    )
