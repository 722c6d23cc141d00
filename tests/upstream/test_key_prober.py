"""However many requests want to know of a key, it is asked about once."""

import asyncio
from dataclasses import dataclass, field

import pytest

from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream import key_prober
from proxyapp.upstream.key_probe import ProbeResult
from proxyapp.upstream.key_prober import KeyProber
from tests.support.snapshots import snapshot

KEY = snapshot("a").keys[1] if 1 in snapshot("a").keys else next(iter(snapshot("a").keys.values()))


@dataclass
class Shared:
    """What other processes know: `claims` are answered in turn, then this process asks."""

    claims: list[tuple[bool, ProbeOutcome | None]] = field(default_factory=list)
    settled: list[ProbeOutcome] = field(default_factory=list)

    async def claim(self, key):
        return self.claims.pop(0) if self.claims else (True, None)

    async def settle(self, key, result):
        self.settled.append(result.outcome)


class Provider:
    def __init__(self, outcome: ProbeOutcome = ProbeOutcome.WORKS) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.outcome = outcome

    async def ask(self, key):
        self.asked += 1
        await self.may_answer.wait()
        return ProbeResult(key.id, self.outcome, 200, "works")


async def test_many_who_want_to_know_ask_once_and_the_answer_holds():
    provider, shared = Provider(), Shared()
    prober = KeyProber(provider.ask, shared)
    waiting = [asyncio.create_task(prober.outcome(KEY)) for _ in range(20)]
    await asyncio.sleep(0)
    provider.may_answer.set()

    assert set(await asyncio.gather(*waiting)) == {ProbeOutcome.WORKS}
    assert await prober.outcome(KEY) is ProbeOutcome.WORKS
    assert (provider.asked, shared.settled) == (1, [ProbeOutcome.WORKS])


async def test_an_answer_does_not_hold_for_ever(monkeypatch: pytest.MonkeyPatch):
    provider = Provider()
    provider.may_answer.set()
    prober = KeyProber(provider.ask, Shared())
    await prober.outcome(KEY)

    monkeypatch.setattr(key_prober, "ANSWER_SECONDS", 0.0)
    await prober.outcome(KEY)

    assert provider.asked == 2


async def test_who_leaves_does_not_end_the_question():
    provider, shared = Provider(ProbeOutcome.DEAD), Shared()
    prober = KeyProber(provider.ask, shared)
    first, second = (asyncio.create_task(prober.outcome(KEY)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    provider.may_answer.set()

    assert await second is ProbeOutcome.DEAD
    assert provider.asked == 1


async def test_the_answer_of_another_process_is_taken():
    provider = Provider()
    shared = Shared([(False, None), (False, None), (False, ProbeOutcome.DEAD)])

    assert await KeyProber(provider.ask, shared).outcome(KEY) is ProbeOutcome.DEAD
    assert (provider.asked, shared.settled) == (0, [])


async def test_without_an_answer_of_another_process_nothing_is_known(monkeypatch):
    monkeypatch.setattr(key_prober, "PATIENCE_SECONDS", 0.15)
    shared = Shared([(False, None)] * 100)

    found = await KeyProber(Provider().ask, shared).outcome(KEY)

    assert found is ProbeOutcome.INCONCLUSIVE


async def test_closing_ends_what_is_under_way():
    prober = KeyProber(Provider().ask, Shared())
    waiting = asyncio.create_task(prober.outcome(KEY))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await prober.aclose()

    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], BaseException)
