"""Tests the way of a group's requests to its target, step by step: names, proxy or TCP, TLS, and
one request.

It is the way that clients' requests go. Listing models costs no quota. What the answer says of the
key is for the caller to follow.
"""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from proxyapp.models import ApiKey, Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import AT_ONCE, PROBE_SECONDS, ProbeResult, unanswered
from proxyapp.upstream.key_probe import probe as ask_provider
from proxyapp.upstream.tested_ways import MOST_WAYS, TestedWay, ways_of
from proxyapp.upstream.trace import CONNECTION, NAME, PROXY, REQUEST, TLS, StepClock
from proxyapp.upstream.upstreams import Upstreams, verifying_context
from proxyapp.vocabulary.errors import GatewayError
from proxyapp.vocabulary.exits import DIRECT
from proxyapp.vocabulary.marks import gettext_noop as _

NO_KEY = _("not asked: the group has no key that may be used now")
UNREADABLE_PROXY = _("SECRET_KEY does not open the proxy URL of the group")


@dataclass(frozen=True, slots=True)
class Step:
    """`is_ok` None: it was not its turn. `milliseconds` None: it did not begin."""

    name: str
    is_ok: bool | None
    detail: str = ""
    milliseconds: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """`proxy` and `key` are masked; empty: there is none.

    `asked`: the key as it was before, with `result`, the answer about it.
    """

    group_id: int
    group: str
    target: str
    proxy: str
    key: str
    steps: Sequence[Step]
    asked: ApiKey | None = None
    result: ProbeResult | None = None

    @property
    def is_ok(self) -> bool:
        return not any(step.is_ok is False for step in self.steps)


def try_groups(groups: Iterable[Group]) -> list[ConnectionTest]:
    """Takes seconds. Not for a thread with an event loop."""
    now = timezone.now()
    tested = list(groups)
    most = MOST_WAYS // max(len(tested), 1)
    asked = [(group, way) for group in tested for way in _ways(group, now, most)]
    return asyncio.run(_test_all(asked))


def _ways(group: Group, now: datetime, most: int) -> Sequence[TestedWay | None]:
    """None: SECRET_KEY does not open them."""
    return (
        [None] if UNREADABLE in (group.proxy_url, group.proxy_pool) else ways_of(group, now, most)
    )


async def _test_all(asked: Sequence[tuple[Group, TestedWay | None]]) -> list[ConnectionTest]:
    context = await asyncio.to_thread(verifying_context)
    limit = asyncio.Semaphore(AT_ONCE)

    async def test(group: Group, way: TestedWay | None) -> ConnectionTest:
        async with limit:
            return await _test(group, way, context)

    return await asyncio.gather(*(test(group, way) for group, way in asked))


async def _test(group: Group, way: TestedWay | None, context: ssl.SSLContext) -> ConnectionTest:
    if way is None:
        return _outcome(group, None, [Step(PROXY, is_ok=False, detail=UNREADABLE_PROXY)])
    pooled, key = way
    clock = StepClock()
    upstreams = Upstreams(context, clock.begin)
    try:
        result = await (_ask(upstreams, pooled, key) if key else _connect(upstreams, pooled))
    finally:
        clock.end()
        await upstreams.aclose()
    outcome = _outcome(group, way, _steps(pooled, clock, result, has_key=key is not None))
    return replace(outcome, asked=key, result=result) if key else outcome


async def _ask(upstreams: Upstreams, group: PoolGroup, key: ApiKey) -> ProbeResult:
    secret = key.secret or UNREADABLE
    pooled = PoolKey(
        key.pk,
        group,
        secret,
        key.masked,
        key.status,
        key_hash=key.key_hash,
    )
    return await ask_provider(upstreams, pooled)


async def _connect(upstreams: Upstreams, group: PoolGroup) -> ProbeResult:
    """Without a key there is nothing to ask; the way is tested up to there."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await upstreams.connect(group)
    except TimeoutError:
        return unanswered(0, f"waited {PROBE_SECONDS:g} s in vain")
    except GatewayError as error:
        return unanswered(0, error.message)
    return ProbeResult(0, ProbeOutcome.WORKS, None, NO_KEY)


def _outcome(group: Group, way: TestedWay | None, steps: Sequence[Step]) -> ConnectionTest:
    proxy = "" if way is None else way.shown_proxy
    masked = way.key.masked if way is not None and way.key is not None else ""
    return ConnectionTest(group.pk, group.name, group.target_url, proxy, masked, steps)


def _steps(group: PoolGroup, clock: StepClock, result: ProbeResult, *, has_key: bool) -> list[Step]:
    """Without an answer it is the step that began last that failed."""
    has_answer = result.ok or result.status is not None
    failed = REQUEST if has_answer else clock.latest
    names = [
        name
        for name in (NAME, PROXY, CONNECTION, TLS)
        if name in clock.taken or name in _expected(group)
    ]
    steps = [_connecting(name, clock, result, is_failed=name == failed) for name in names]
    return [
        *steps,
        _request(clock, result, is_failed=failed == REQUEST and not result.ok, has_key=has_key),
    ]


def _expected(group: PoolGroup) -> set[str]:
    return {
        NAME,
        CONNECTION if group.proxy_url in (None, DIRECT) else PROXY,
        *([TLS] if group.url.scheme == "https" else []),
    }


def _connecting(name: str, clock: StepClock, result: ProbeResult, *, is_failed: bool) -> Step:
    if name not in clock.taken:
        return Step(name, is_ok=None)
    detail = result.message if is_failed else clock.details.get(name, "")
    return Step(name, not is_failed, detail, clock.taken[name])


def _request(clock: StepClock, result: ProbeResult, *, is_failed: bool, has_key: bool) -> Step:
    if not has_key:
        return Step(REQUEST, is_ok=None, detail=result.message if result.ok else "")
    if REQUEST not in clock.taken:
        return Step(REQUEST, is_ok=None)
    text = result.message if result.status is None else f"{result.status}: {result.message}"
    return Step(REQUEST, not is_failed, text, clock.taken[REQUEST])
