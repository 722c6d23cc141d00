"""Who tries bad tokens is slowed down; nobody else is."""

import asyncio

import pytest

from proxyapp.errors import TooManyBadTokens
from proxyapp.slowdown import FREE_FAILURES, MOST_ADDRESSES, MOST_FAILURES, MOST_WAITING, Slowdown, network_of


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Instead of waiting."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("proxyapp.slowdown.asyncio.sleep", pause)
    return waited


async def fail(brake: Slowdown, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        await brake.failed(address)


async def test_the_first_ten_in_a_minute_are_answered_at_once_and_then_each_after_a_second(pauses):
    brake = Slowdown()
    await fail(brake, FREE_FAILURES)
    assert pauses == []
    await fail(brake, 2)
    assert pauses == [1.0, 1.0]


async def test_after_a_hundred_the_answer_is_429(pauses):
    brake = Slowdown()
    await fail(brake, MOST_FAILURES)
    with pytest.raises(TooManyBadTokens) as refused:
        await fail(brake, 1)
    assert (refused.value.status, refused.value.code) == (429, "too_many_bad_tokens")
    assert 1 <= (refused.value.retry_after or 0) <= 60


async def test_other_addresses_are_not_slowed(pauses):
    brake = Slowdown()
    await fail(brake, FREE_FAILURES + 1)
    await fail(brake, FREE_FAILURES, "192.0.2.2")
    assert len(pauses) == 1


async def test_a_minute_later_it_begins_anew(pauses, monkeypatch):
    brake, now = Slowdown(), 100.0
    monkeypatch.setattr("proxyapp.slowdown.time.monotonic", lambda: now)
    await fail(brake, FREE_FAILURES)
    now += 60.0
    await fail(brake, FREE_FAILURES)
    assert pauses == []


async def test_only_so_many_addresses_are_remembered(pauses):
    brake = Slowdown()
    await fail(brake, FREE_FAILURES)
    for number in range(MOST_ADDRESSES):
        await brake.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(brake._failures) == MOST_ADDRESSES
    await fail(brake, 1)
    assert pauses == []


async def test_only_so_many_answers_wait(monkeypatch):
    brake, release = Slowdown(), asyncio.Event()
    monkeypatch.setattr("proxyapp.slowdown.asyncio.sleep", lambda _: release.wait())
    waiting = []
    for number in range(MOST_WAITING):
        address = f"192.0.2.{number % 250}"
        await fail(brake, FREE_FAILURES, address) if number < 250 else None
        waiting.append(asyncio.create_task(brake.failed(address)))
    await asyncio.wait(waiting, timeout=0)
    with pytest.raises(TooManyBadTokens):
        await brake.failed("192.0.2.1")
    release.set()
    await asyncio.gather(*waiting)
    await brake.failed("192.0.2.1")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one(address, network):
    assert network_of(address) == network
