"""Takes keys out of rotation: here at once, and in the database before the request goes on."""

import asyncio
import functools
import logging
import math
from dataclasses import dataclass, replace
from datetime import timedelta

from proxyapp.ledger.outbox import Outbox
from proxyapp.ledger.spool_records import cooldowns_record
from proxyapp.ledger.widening import Widening
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.probation import Recovery
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.kind_sets import BACK_OFF_KINDS, DAY_KINDS
from proxyapp.vocabulary.times import local_text

logger = logging.getLogger(__name__)
# The outbox spools after PATIENCE_SECONDS what the database does not take, and a write may stand
# behind another one. Longer than both takes only a disk that hangs: no request waits for that.
WRITE_WAIT_SECONDS = 2.0
# Delays in headers are whole seconds, and those of one burst count from different moments.
SAME_END_SECONDS = 2.0


@dataclass(slots=True)
class Unconfirmed:
    """`version`: the pool's that includes it, once it is known; `shift`: by how much the clock was
    set since.
    """

    cooldown: NewCooldown
    version: int | None = None
    shift: timedelta = timedelta()

    def by_this_clock(self) -> NewCooldown:
        shift, cooldown = self.shift, self.cooldown
        return replace(
            cooldown, occurred_at=cooldown.occurred_at + shift, until=cooldown.until + shift
        )


class Cooling:
    """The cooldowns that this process imposes.

    Those that meet while a write is under way share the next one.
    """

    def __init__(self, outbox: Outbox, snapshot: Snapshot, recovery: Recovery) -> None:
        self._outbox = outbox
        self._snapshot = snapshot
        self._recovery = recovery
        self._widening = Widening()
        self._waiting: list[Unconfirmed] = []
        self._unconfirmed: list[Unconfirmed] = []
        self._writer: asyncio.Task[None] | None = None

    def install(self, snapshot: Snapshot) -> None:
        """A snapshot that was read before a cooldown was written does not know it yet.

        Versions fall when the database was restored: what the other one had is no matter then.
        """
        known = math.inf if snapshot.version < self._snapshot.version else snapshot.version
        self._snapshot = snapshot
        self._unconfirmed = [
            each for each in self._unconfirmed if each.version is None or each.version > known
        ]
        for each in self._unconfirmed:
            apply(each.by_this_clock(), snapshot, self._recovery)

    async def cool(self, cooldown: NewCooldown) -> None:
        """Returns when the event is in the database, or in the spool when the database is away."""
        self.impose(cooldown)
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=WRITE_WAIT_SECONDS)

    def impose(self, cooldown: NewCooldown) -> None:
        """In force when this returns; the event is on its way to the database.

        A key that is already out for as long gets no second event: its refusals were under way
        together.
        """
        cooldown = self._without_what_is_known(self._widening.widened(cooldown))
        is_news = is_new(cooldown, self._snapshot)
        if is_news or cooldown.kind not in BACK_OFF_KINDS:
            apply(cooldown, self._snapshot, self._recovery)
        if not is_news:
            return
        self._say(cooldown)
        unconfirmed = Unconfirmed(cooldown)
        self._waiting.append(unconfirmed)
        self._unconfirmed.append(unconfirmed)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write_waiting())

    def shift(self, seconds: float) -> None:
        """The clock was set by so much: what is not written yet is applied again by the new one."""
        span = timedelta(seconds=seconds)
        for each in self._unconfirmed:
            each.shift += span

    def confirm(self, version: int) -> None:
        """All that was spooled is in the database as of this version of the pool."""
        for each in self._unconfirmed:
            if each.version is None:
                each.version = version

    def _without_what_is_known(self, cooldown: NewCooldown) -> NewCooldown:
        """Of limits: what each refusal repeats is written once."""
        if not cooldown.learned:
            return cooldown
        known = self._snapshot.learned
        return replace(cooldown, learned=tuple(filter(known.is_news, cooldown.learned)))

    def _say(self, cooldown: NewCooldown) -> None:
        key = self._snapshot.keys.get(cooldown.key_id)
        if key is None:
            return
        whose = f"Key {key.masked} of group {key.group.name}"
        self._say_learned(cooldown)
        if cooldown.is_of_dead_key:
            said = "%s is invalid until it is enabled: the provider refused it%s"
            logger.warning(said, whose, of_request(cooldown))
            return
        if not logger.isEnabledFor(logging.INFO):
            return
        until = local_text(cooldown.until, "seconds")
        where = f" for {cooldown.model}" if cooldown.model else ""
        who = f"{whose} and its project are" if cooldown.project else f"{whose} is"
        after = of_request(cooldown)
        logger.info("%s out%s until %s (%s)%s", who, where, until, cooldown.kind, after)

    def _say_learned(self, cooldown: NewCooldown) -> None:
        for each in cooldown.learned:
            before = self._snapshot.learned.known(each)
            if before != each.number:
                said = "" if before is None else f", not {before}"
                logger.info("The provider says of %s, %s: %s %s%s", *each[:4], said)

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            version = await self._write([each.cooldown for each in batch])
            for each in batch:
                each.version = version

    async def _write(self, batch: list[NewCooldown]) -> int | None:
        return await self._outbox.write(
            functools.partial(cooldowns_record, batch), functools.partial(write_cooldowns, batch)
        )

    async def close(self) -> None:
        """Returns when all is in the database or in the spool."""
        if self._writer is not None:
            await self._writer


def is_new(cooldown: NewCooldown, snapshot: Snapshot) -> bool:
    """Refusals that were under way together state slightly different delays, and are one strike."""
    known = snapshot.cooldowns.cooling_until(cooldown.key_id, cooldown.model)
    if cooldown.is_of_dead_key:
        return known < math.inf
    if cooldown.kind in BACK_OFF_KINDS and known > cooldown.occurred_at.timestamp():
        return False
    return (
        known + (0.0 if cooldown.kind in DAY_KINDS else SAME_END_SECONDS)
        < cooldown.until.timestamp()
    )


def apply(cooldown: NewCooldown, snapshot: Snapshot, recovery: Recovery) -> None:
    """Takes out in memory what the cooldown takes out.

    A dead key stays out until the pool is loaded again.
    """
    if cooldown.is_of_dead_key:
        snapshot.cool(cooldown.key_id, math.inf, is_daily=True)
        return
    until = cooldown.until.timestamp()
    for key_id in snapshot.sharing(cooldown.key_id, cooldown.project):
        snapshot.cool(
            key_id, until, quota_scope=cooldown.model, is_daily=cooldown.kind in DAY_KINDS
        )
    owner, seconds = (
        cooldown.project or cooldown.key_id,
        (cooldown.until - cooldown.occurred_at).total_seconds(),
    )
    recovery.past_refusals.remember(
        cooldown.kind, owner, cooldown.key_id, cooldown.model, seconds, until
    )


def of_request(cooldown: NewCooldown) -> str:
    """For a line of the log."""
    return f", request {cooldown.request_id}" if cooldown.request_id else ""
