"""Looks at what needs attention, and tells the channels: beside the requests, in every process.

Where there is no channel a look is one short query. What is to be sent is written before it is
sent, so that neither a restart nor another process begins anew; who dies between the sending and
the note of it sends that one message twice.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError

from proxyapp import runtime
from proxyapp.alerts import duty
from proxyapp.alerts.channels import (
    Channel,
    DutyLost,
    read_channels,
    save_outcomes,
    save_stories,
)
from proxyapp.alerts.letters import letter_of
from proxyapp.alerts.outage_news import MachineLock, OutageNews
from proxyapp.alerts.sending import Letter, Sender
from proxyapp.alerts.spoken import spoken
from proxyapp.alerts.story import TellingPace
from proxyapp.database.threads import DatabaseThreads
from proxyapp.operators.alert_items import AlertItem, AlertItems
from proxyapp.operators.attention import RuntimeFacts, this_process

logger = logging.getLogger(__name__)
LONGEST_LOOK_SECONDS = 15.0
# Of the whole pool, thousands of rows.
READ_SECONDS = 30.0
# Each is a program of its own for a moment. With so many to a look it ends before the duty does.
AT_ONCE, MOST_OF_A_LOOK = 4, 8
Send = Callable[[str | None, Letter], str]
Works = tuple[Channel, Letter]


class AlertWatch:
    """`facts`: what only the process knows. `send`: blocks, and says what went wrong. `ahead`: of
    this machine's clock, that by which processes take turns.
    """

    def __init__(
        self,
        threads: DatabaseThreads,
        var_dir: Path,
        pace: TellingPace,
        *,
        facts: Callable[[], RuntimeFacts] = this_process,
        send: Send | None = None,
        ahead: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._threads = threads
        self._pace = pace
        self._facts = facts
        self._items = AlertItems()
        self._outages = OutageNews(MachineLock(var_dir / "alerts.lock"))
        self._channels: Sequence[Channel] = ()
        self._mine: datetime | None = None
        self._senders: set[Sender] = set()
        self._send = send or self._by_program
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(AT_ONCE, "alerts")

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(max(min(self._pace.after / 2, LONGEST_LOOK_SECONDS), 0.5))
                try:
                    await self.look(datetime.now(UTC))
                except Exception:
                    logger.exception("The look for alerts failed")
        finally:
            await self.close()

    async def close(self) -> None:
        """What is being sent is sent by the next process."""
        for sender in list(self._senders):
            sender.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._mine is not None:
            with suppress(DatabaseError):
                await self._threads.background(functools.partial(duty.leave, self._mine))

    async def look(self, now: datetime) -> None:
        with suppress(DatabaseError):  # it is away: what is told of that is told below
            self._channels = await self._threads.read(read_channels)
        if self._channels:
            await self._tell_of_outages(now)
            with suppress(DatabaseError, DutyLost):
                await self._tell(now + self._ahead())

    async def _tell(self, now: datetime) -> None:
        """Raises django.db.Error and DutyLost."""
        take = functools.partial(duty.take, self._mine, now)
        self._mine = mine = await self._threads.background(take)
        if mine is None:
            return
        read = functools.partial(_read, self._items, self._facts(), now)
        items = await self._threads.read(read, READ_SECONDS)
        self._channels = channels = await self._threads.read(read_channels)
        for channel in channels:
            self._advance(channel, items, now)
        await self._threads.background(functools.partial(save_stories, channels, mine))
        due = [channel for channel in channels if channel.story.is_due(now.timestamp())]
        if due:
            due.sort(key=lambda channel: channel.story.due_at)
            outcomes = await self._deliver(due[:MOST_OF_A_LOOK], now)
            save = functools.partial(save_outcomes, outcomes, mine, now)
            await self._threads.background(save)

    def _advance(self, channel: Channel, items: Sequence[AlertItem], now: datetime) -> None:
        story, moment = channel.story, now.timestamp()
        story.forget_unwanted(channel.kinds)
        story.hear([item for item in items if channel.wants(item)], self._pace, moment)
        story.speak(self._pace, channel.peace(now), moment)

    async def _deliver(self, due: Sequence[Channel], now: datetime) -> list[tuple[Channel, str]]:
        works = [
            (channel, letter_of(channel.story.message, channel.zone))
            for channel in due
            if channel.story.message is not None
        ]
        outcomes = []
        for (channel, _), problem in zip(works, await self._send_all(works), strict=True):
            if not problem:
                channel.story.delivered()
            elif channel.story.failed(now.timestamp()):
                logger.error("A message to the alert channel %s is given up", channel.name)
            outcomes.append((channel, problem))
        return outcomes

    async def _tell_of_outages(self, now: datetime) -> None:
        threads = self._threads
        due = self._outages.due(
            self._channels, threads.outage, threads.last_outage, self._pace.after, now
        )[:MOST_OF_A_LOOK]
        problems = await self._send_all([(channel, letter) for channel, letter, _ in due])
        for (_, _, hear), problem in zip(due, problems, strict=True):
            hear(not problem)

    async def _send_all(self, works: Sequence[Works]) -> list[str]:
        """In the time of one where there are a few."""
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            *(loop.run_in_executor(self._pool, self._one, *work) for work in works)
        )

    def _one(self, channel: Channel, letter: Letter) -> str:
        problem = self._send(channel.url, letter)
        if problem:
            logger.warning("The alert channel %s: %s", channel.name, problem)
        return problem

    def _by_program(self, url: str | None, letter: Letter) -> str:
        sender = Sender()
        self._senders.add(sender)
        try:
            return sender.send(url, letter)
        finally:
            self._senders.discard(sender)


def _read(items: AlertItems, facts: RuntimeFacts, now: datetime) -> list[AlertItem]:
    with spoken():
        return items.read(facts, now)


async def watch(process: runtime.Runtime) -> None:
    """Beside a runtime, as long as it lives."""
    pace = TellingPace(settings.ALERT_AFTER_SECONDS, settings.ALERT_PAUSE_SECONDS)
    clock = process.clock
    await AlertWatch(process.threads, settings.VAR_DIR, pace, ahead=lambda: clock.ahead).run()
