"""A search for a key with an upstream that follows a script, without a process or a database."""

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.database.threads import DatabaseThreads
from proxyapp.forwarding.model_list_asking import TargetList
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.ledger.counting import Counting
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.last_words import LastWords
from proxyapp.pool.probation import Recovery
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.upstream.upstreams import Upstreams
from proxyapp.vocabulary.kept_answers import KeptAnswers
from tests.support.fake_quota import FakeQuota
from tests.support.scripted_upstream import ScriptedUpstream, answering
from tests.support.snapshots import Picks, SaidNothing, group

REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno"
HOUR = 3600.0


class Cooling:
    """Takes keys out of the snapshot and writes nothing down."""

    def __init__(self, pool: Snapshot) -> None:
        self.pool = pool
        self.cooldowns: list[NewCooldown] = []

    async def cool(self, cooldown: NewCooldown) -> None:
        self.cooldowns.append(cooldown)
        self.pool.cool(cooldown.key_id, time.time() + HOUR, is_daily=True)


@dataclass
class Parts:
    """What a search takes of a runtime."""

    snapshot: Snapshot
    queue: KeyQueue
    cooling: Any
    upstreams: Upstreams
    recovery: Recovery
    counting: Counting
    quota: FakeQuota
    prober: Any = None
    resources: Any = None
    threads: Any = None
    single_credential: list[int] = field(default_factory=list)
    last_words: LastWords = field(default_factory=SaidNothing)
    model_lists: KeptAnswers[TargetList] = field(default_factory=lambda: KeptAnswers(1))

    async def keep_single_credential(self, group_id: int) -> None:
        self.single_credential.append(group_id)


@contextlib.asynccontextmanager
async def searching(
    *answers: bytes, keys: int = 2, **fields: Any
) -> AsyncIterator[tuple[ScriptedUpstream, Parts]]:
    """One group with so many keys, and an upstream that gives these answers."""
    async with ScriptedUpstream(answering(*answers)) as upstream:
        its = group(1, "g", target_url=upstream.url, **fields)
        numbers = range(1, keys + 1)
        of_group = [PoolKey(n, its, f"SECRET-{n}", "…", "active") for n in numbers]
        pool = build(1, [its], of_group, Cooldowns())
        recovery = Recovery(pool.past_refusals)
        quota = FakeQuota(pool, is_idle=True, counts_llm_tokens=False)
        parts = Parts(
            pool,
            KeyQueue(Picks(pool), recovery, pool, quota),  # type: ignore[arg-type]
            Cooling(pool),
            Upstreams(ssl.create_default_context()),
            recovery,
            Counting(ClientLimits(DatabaseThreads())),
            quota,
        )
        try:
            yield upstream, parts
        finally:
            await parts.upstreams.aclose()


def request(client: Client = ANYONE) -> RequestPlan:
    path = b"/v1beta/models/gemini-2.5-pro:generateContent"
    return RequestPlan(
        ALL_GROUPS, "POST", facts_of(path), None, [], RequestBody(), "gemini-2.5-pro", client
    )
