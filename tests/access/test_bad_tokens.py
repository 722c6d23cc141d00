"""Who tries bad tokens is slowed down; nobody else is."""

import asyncio
from typing import Any

import pytest

from proxyapp.access.bad_tokens import (
    FREE_FAILURES,
    MOST_ADDRESSES,
    MOST_FAILURES,
    MOST_WAITING,
    Slowdown,
)
from proxyapp.access.client_address import TrustedProxies
from proxyapp.vocabulary.addresses import network_of
from proxyapp.vocabulary.errors import TooManyBadTokens


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Instead of waiting."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("proxyapp.access.bad_tokens.asyncio.sleep", pause)
    return waited


def by(address: str) -> dict[str, Any]:
    """The scope of a request from there."""
    return {"client": (address, 40_000), "headers": []}


async def fail(brake: Slowdown, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        await brake.failed(by(address))


async def test_the_first_ten_in_a_minute_are_answered_at_once_and_then_each_after_a_second(pauses):
    brake = Slowdown(TrustedProxies())
    await fail(brake, FREE_FAILURES)
    assert pauses == []
    await fail(brake, 2)
    assert pauses == [1.0, 1.0]


async def test_after_a_hundred_the_answer_is_429(pauses):
    brake = Slowdown(TrustedProxies())
    await fail(brake, MOST_FAILURES)
    with pytest.raises(TooManyBadTokens) as refused:
        await fail(brake, 1)
    assert (refused.value.status, refused.value.code) == (429, "too_many_bad_tokens")
    assert 1 <= (refused.value.retry_after or 0) <= 60


async def test_other_addresses_are_not_slowed(pauses):
    brake = Slowdown(TrustedProxies())
    await fail(brake, FREE_FAILURES + 1)
    await fail(brake, FREE_FAILURES, "192.0.2.2")
    assert len(pauses) == 1


async def test_a_minute_later_it_begins_anew(pauses, monkeypatch):
    brake, now = Slowdown(TrustedProxies()), 100.0
    monkeypatch.setattr("proxyapp.access.bad_tokens.time.monotonic", lambda: now)
    await fail(brake, FREE_FAILURES)
    now += 60.0
    await fail(brake, FREE_FAILURES)
    assert pauses == []


async def test_only_so_many_addresses_are_remembered(pauses):
    brake = Slowdown(TrustedProxies())
    await fail(brake, FREE_FAILURES)
    for number in range(MOST_ADDRESSES):
        await brake.failed(by(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert len(brake._failures) == MOST_ADDRESSES
    await fail(brake, 1)
    assert pauses == []


async def test_only_so_many_answers_wait(monkeypatch):
    brake, release = Slowdown(TrustedProxies()), asyncio.Event()
    monkeypatch.setattr("proxyapp.access.bad_tokens.asyncio.sleep", lambda _: release.wait())
    waiting = []
    for number in range(MOST_WAITING):
        address = f"192.0.2.{number % 250}"
        await fail(brake, FREE_FAILURES, address) if number < 250 else None
        waiting.append(asyncio.create_task(brake.failed(by(address))))
    await asyncio.wait(waiting, timeout=0)
    with pytest.raises(TooManyBadTokens):
        await brake.failed(by("192.0.2.1"))
    release.set()
    await asyncio.gather(*waiting)
    await brake.failed(by("192.0.2.1"))


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


async def test_behind_a_trusted_proxy_the_client_is_slowed_down_and_nobody_else(pauses):
    brake = Slowdown(TrustedProxies(["192.0.2.0/24"]))
    for client in (b"198.51.100.1", b"198.51.100.2"):
        for _ in range(FREE_FAILURES):
            await brake.failed(by("192.0.2.1") | {"headers": [(b"x-forwarded-for", client)]})
    assert pauses == []
