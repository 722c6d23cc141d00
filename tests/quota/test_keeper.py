"""Requests are taken from the limits of their keys, and keys without room are passed over."""

from collections import deque
from random import Random

import pytest

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.quota import accounts, passed_over
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.meters import WINDOW_SECONDS
from proxyapp.vocabulary.limits import Meter
from tests.support.shares_in_memory import (
    SharesInMemory,
    SimulatedProcess,
    SomeLimits,
    first_free,
)
from tests.support.snapshots import group

PRO, FLASH = "gemini-2.5-pro", "gemini-2.5-flash"
NOON = 1_796_068_800.0  # 2026-11-30 12:00 in California


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def pool(projects: int = 2, keys_each: int = 2) -> Snapshot:
    one = group(1, "main")
    keys = [
        PoolKey(number + 1, one, f"K{number}", "…", "active", f"p{number // keys_each}")
        for number in range(projects * keys_each)
    ]
    return build(1, [one], keys, Cooldowns())


class World:
    def __init__(self, numbers: dict[str, dict[Meter, int]], processes: int = 1) -> None:
        self.clock, self.shares, self.book = Clock(), SharesInMemory(), SomeLimits(numbers)
        self.processes = [
            SimulatedProcess(self.shares, pool(), self.book, self.clock) for _ in range(processes)
        ]

    def ask(self, number: int = 0, scope: str = PRO, llm_tokens: int = 0):
        process = self.processes[number]
        keys = list(process.keeper.snapshot.keys.values())
        return first_free(process, keys, scope, llm_tokens)

    def free(self, scope: str = PRO, number: int = 0) -> list[int]:
        snapshot = self.processes[number].keeper.snapshot
        ring = snapshot.rings[""]
        return [ring.key_ids[index] for index in ring.available(self.clock.now, scope)]


def test_a_project_that_used_its_minute_is_passed_over_until_the_minute_moves_on() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_MINUTE: 2}})
    assert [world.ask()[0].id for _ in range(4)] == [1, 1, 3, 3]
    assert world.ask() is None
    assert world.free() == []
    assert world.free(FLASH) == [1, 2, 3, 4]
    world.clock.now += WINDOW_SECONDS
    assert world.free() == [1, 2, 3, 4]
    assert world.ask()[0].id == 1


def test_all_limits_of_a_key_are_taken_or_none() -> None:
    numbers = {PRO: {Meter.REQUESTS_PER_MINUTE: 5, Meter.REQUESTS_PER_DAY: 1}}
    world = World(numbers)
    assert [world.ask()[0].id for _ in range(2)] == [1, 3]
    assert world.ask() is None
    minutes = [
        account.use.used(world.clock.now)
        for (_, _, meter), account in world.processes[0].keeper.accounts.items()
        if meter == Meter.REQUESTS_PER_MINUTE
    ]
    assert minutes == [1, 1]


def test_what_the_database_knows_of_the_day_counts() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_DAY: 10}})
    world.shares.written["project:p0", PRO, Meter.REQUESTS_PER_DAY] = 9
    assert [world.ask()[0].id for _ in range(3)] == [1, 3, 3]


def test_a_request_that_was_never_sent_is_given_back() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_MINUTE: 1}})
    _, charge = world.ask()
    assert world.free() == [3, 4]
    charge.cancel()
    charge.end()  # means nothing any more
    assert world.free() == [1, 2, 3, 4]


def test_a_refusal_does_not_count_to_the_day() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_DAY: 1}})
    _, charge = world.ask()
    charge.end(is_counted=False)
    assert world.ask()[0].id == 1


def test_one_at_a_time_waits_for_the_end_of_the_one_before() -> None:
    world = World({PRO: {Meter.MAX_CONCURRENT: 1}})
    first, charge = world.ask()
    assert (first.id, world.ask()[0].id, world.ask()) == (1, 3, None)
    charge.end()
    assert world.ask()[0].id == 1


def test_tokens_are_estimated_and_then_corrected() -> None:
    world = World({PRO: {Meter.INPUT_TOKENS_PER_MINUTE: 1000}})
    _, charge = world.ask(llm_tokens=900)
    assert world.ask(llm_tokens=200)[0].id == 3
    charge.end(LlmTokens(prompt=100, output=5000))
    assert world.ask(llm_tokens=900)[0].id == 1


def test_a_request_that_the_provider_finds_wrong_holds_no_tokens_back() -> None:
    """Long ones cost a client nothing, and would use up the minutes of all."""
    world = World({PRO: {Meter.INPUT_TOKENS_PER_MINUTE: 1000, Meter.TOKENS_PER_DAY: 1000}})
    _, charge = world.ask(llm_tokens=900)
    charge.end(LlmTokens(), is_counted=False)
    assert world.ask(llm_tokens=900)[0].id == 1


def test_an_answer_that_hides_its_usage_costs_what_was_estimated() -> None:
    world = World({PRO: {Meter.INPUT_TOKENS_PER_MINUTE: 1000}})
    _, charge = world.ask(llm_tokens=900)
    charge.end(LlmTokens(), is_counted=True)
    assert world.ask(llm_tokens=900)[0].id == 3


def test_one_long_request_does_not_pass_over_keys_for_short_ones() -> None:
    world = World({PRO: {Meter.INPUT_TOKENS_PER_MINUTE: 1000}})
    world.ask(llm_tokens=500)
    world.ask(llm_tokens=900)
    assert world.ask(llm_tokens=600) is None
    assert world.free() == [1, 2, 3, 4]
    assert world.ask(llm_tokens=400)[0].id == 1


def test_a_request_longer_than_its_minute_goes_when_nothing_else_is_in_it() -> None:
    world = World({PRO: {Meter.INPUT_TOKENS_PER_MINUTE: 1000}})
    assert world.ask(llm_tokens=5000)[0].id == 1


def test_keys_stay_passed_over_in_a_new_snapshot() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_MINUTE: 1}})
    world.ask()
    keeper = world.processes[0].keeper
    keeper.install(pool(), world.book)
    assert world.free() == [3, 4]
    assert world.ask()[0].id == 3


def test_a_limit_that_is_raised_or_gone_holds_no_key_back() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_MINUTE: 1}})
    world.ask()
    keeper = world.processes[0].keeper
    keeper.install(pool(), SomeLimits({PRO: {Meter.REQUESTS_PER_MINUTE: 3}}))
    assert [world.ask()[0].id for _ in range(2)] == [1, 1]
    keeper.install(pool(), SomeLimits({}))
    assert world.free() == [1, 2, 3, 4]


def test_the_clock_may_be_set() -> None:
    world = World({PRO: {Meter.REQUESTS_PER_MINUTE: 1}})
    world.ask()
    keeper = world.processes[0].keeper
    world.clock.now -= 7200
    keeper.snapshot.shift(-7200)
    keeper.shift(-7200)
    assert world.free() == [3, 4]
    world.clock.now += WINDOW_SECONDS
    assert world.ask()[0].id == 1


def test_names_of_endpoints_and_made_up_models_have_no_limits_of_models() -> None:
    world = World({"": {}, PRO: {Meter.REQUESTS_PER_MINUTE: 1}})
    for scope in ("/batches", f"{PRO}:countTokens", "x" * 101, "a\nb"):
        assert all(world.ask(scope=scope)[0].id == 1 for _ in range(3))
    assert world.processes[0].keeper.accounts == {}


def test_made_up_models_take_no_place_from_real_ones(monkeypatch) -> None:
    monkeypatch.setattr(accounts, "MOST_MODELS", 5)
    world = World({name: {Meter.REQUESTS_PER_MINUTE: 1} for name in (PRO, "a", "b", "c", "d", "e")})
    for name in "abcde":
        _, charge = world.ask(scope=name)
        charge.cancel()
    assert [world.ask()[0].id for _ in range(2)] == [1, 3]
    assert world.ask() is None


def test_two_limits_of_what_is_under_way_hold_until_both_have_room() -> None:
    world = World({})
    one = Limit("project:p0", "", Meter.MAX_CONCURRENT, 1, "project p0")
    all_of_them = Limit("group:1", "", Meter.MAX_CONCURRENT, 2, "group main")

    class Both(SomeLimits):
        def of(self, key: PoolKey, model: str) -> tuple[Limit, ...]:
            return (one, all_of_them) if key.project == "p0" else (all_of_them,)

    kept = world.processes[0].keeper
    kept.install(kept.snapshot, Both({}))
    (first, charge), (second, other) = world.ask(), world.ask()
    assert (first.id, second.id, world.free()) == (1, 3, [])
    other.end()
    assert world.free() == [3, 4]
    charge.end()
    assert world.free() == [1, 2, 3, 4]


def test_a_minute_that_was_refused_is_used_up_for_a_limit_that_is_new() -> None:
    world = World({})
    kept = world.processes[0].keeper
    (key, charge) = world.ask()
    charge.end(is_counted=False)
    kept.note_refused(key, PRO, Meter.REQUESTS_PER_MINUTE, 20.0, world.clock.now)
    kept.install(kept.snapshot, SomeLimits({PRO: {Meter.REQUESTS_PER_MINUTE: 3}}))
    assert [world.ask()[0].id for _ in range(3)] == [3, 3, 3]
    assert world.ask() is None
    world.clock.now += 20
    assert (world.ask()[0].id, world.ask()) == (1, None)
    world.clock.now += WINDOW_SECONDS
    assert [world.ask()[0].id for _ in range(6)] == [1, 1, 1, 3, 3, 3]


def test_of_a_large_group_no_key_is_passed_over_and_each_request_hears_that_it_is_full(
    monkeypatch,
) -> None:
    monkeypatch.setattr(passed_over, "MOST_KEYS", 3)
    world = World({})
    limit = Limit("group:1", "", Meter.MAX_CONCURRENT, 1, "group main")

    class OfGroup(SomeLimits):
        def of(self, key: PoolKey, model: str) -> tuple[Limit, ...]:
            return (limit,)

    kept, woken = world.processes[0].keeper, list[bool]()
    kept.install(kept.snapshot, OfGroup({}))
    kept.on_room = lambda: woken.append(True)
    key, charge = world.ask()
    assert (world.free(), world.ask()) == ([1, 2, 3, 4], None)
    assert kept.is_group_full(key, world.clock.now)
    assert kept.words(key, PRO, world.clock.now) == "1 requests at a time (group main)"
    woken.clear()
    charge.end()
    assert (woken, kept.is_group_full(key, world.clock.now)) == ([True], False)


@pytest.mark.parametrize("processes", [1, 2, 4])
@pytest.mark.parametrize("numbers", [(10, 60), (5, 25), (1, 7)])
def test_several_processes_use_the_whole_limit_and_never_more(
    processes: int, numbers: tuple[int, int]
) -> None:
    minute, day = numbers
    limits = {PRO: {Meter.REQUESTS_PER_MINUTE: minute, Meter.REQUESTS_PER_DAY: day}}
    world, chance = World(limits, processes), Random(processes)
    sent: dict[str, list[float]] = {"p0": [], "p1": []}
    for step in range(6000):
        world.clock.now += chance.expovariate(2.0)
        if step % 2 == 0:
            for process in world.processes:
                process.look()
            world.shares.wanted.clear()
        found = world.ask(chance.randrange(processes))
        if found is not None:
            key, charge = found
            sent[key.project].append(world.clock.now)
            charge.end(LlmTokens(prompt=10))
    for times in sent.values():
        assert len(times) == day
        window = deque[float]()
        for at in times:
            window.append(at)
            while window[0] <= at - 60:
                window.popleft()
            assert len(window) <= minute
