"""Which exits are passed over, without a server and without a database."""

import logging
from dataclasses import replace

import pytest

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.exits import Exits
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.located_groups import group_of_key
from proxyapp.pool.snapshot import Snapshot, build
from tests.support.snapshots import group

ONE = "socks5://user:word@one.example:1080"
TWO = "http://two.example:8080"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exits(clock: Clock) -> Exits:
    return Exits(clock)


def through(url: str, group_id: int = 1) -> PoolGroup:
    base: PoolGroup = group(group_id, f"g{group_id}")
    return replace(base, proxy_url=url, has_exit=True)


def pool(*urls: str) -> Snapshot:
    """A group of whose keys each has one of these exits; of "" none."""
    base = group(1, "g1")
    owners = [through(url) if url else base for url in urls]
    keys = [PoolKey(n, owner, f"K{n}", "…", "active") for n, owner in enumerate(owners, 1)]
    return build(1, [base], keys, Cooldowns())


def test_nothing_is_passed_over_at_first(exits: Exits):
    assert exits.is_idle
    assert not exits.passes_over(through(ONE))


def test_an_exit_that_fails_is_passed_over_and_no_other_one(exits: Exits):
    exits.failed(through(ONE), "refused")

    assert not exits.is_idle
    assert exits.passes_over(through(ONE))
    assert not exits.passes_over(through(TWO))
    assert not exits.passes_over(through(ONE, group_id=2)), "which has another target"
    assert not exits.passes_over(group(1, "g1"))


def test_the_proxy_of_a_whole_group_is_no_exit(exits: Exits):
    exits.failed(group(1, "g1", proxy_url=ONE), "refused")

    assert exits.is_idle


def test_after_a_while_one_request_tries_it_first(exits: Exits, clock: Clock):
    exits.failed(through(ONE), "refused")
    clock.now += 5

    assert not exits.passes_over(through(ONE))
    exits.begin(through(ONE))
    assert exits.passes_over(through(ONE)), "by all others"
    exits.worked(through(ONE))
    assert exits.is_idle


def test_each_failure_of_a_trial_doubles_the_wait_up_to_a_minute(exits: Exits, clock: Clock):
    exits.failed(through(ONE), "refused")
    waits = []
    for _ in range(6):
        began = clock.now
        while exits.passes_over(through(ONE)):
            clock.now += 1
        waits.append(clock.now - began)
        exits.begin(through(ONE))
        exits.failed(through(ONE), "refused")

    assert waits == [5, 10, 20, 40, 60, 60]


def test_what_failed_at_the_same_time_tells_nothing_new(exits: Exits, clock: Clock):
    for _ in range(50):
        exits.begin(through(ONE))
        exits.failed(through(ONE), "refused")
    clock.now += 5

    assert not exits.passes_over(through(ONE))


def test_a_trial_of_which_nobody_heard_is_followed_by_another(exits: Exits, clock: Clock):
    exits.failed(through(ONE), "refused")
    clock.now += 5
    exits.begin(through(ONE))
    clock.now += 20

    assert not exits.passes_over(through(ONE))


@pytest.mark.parametrize(
    ("urls", "failing", "lost"),
    [
        ((ONE, TWO, ONE), (ONE, TWO), {1}),
        ((ONE, TWO), (ONE,), set()),
        ((ONE, ""), (ONE,), set()),
        ((ONE, ONE), (ONE,), {1}),
    ],
)
def test_a_group_is_lost_when_every_exit_of_its_keys_fails(exits: Exits, urls, failing, lost):
    exits.install(pool(*urls))
    for url in failing:
        exits.failed(through(url), "refused")

    assert exits.lost_groups() == lost


def test_a_group_whose_exit_is_due_is_not_lost(exits: Exits, clock: Clock):
    exits.install(pool(ONE))
    exits.failed(through(ONE), "refused")
    clock.now += 5

    assert exits.lost_groups() == frozenset()


def test_an_exit_that_no_key_has_any_more_is_forgotten(exits: Exits):
    exits.install(pool(ONE, TWO))
    exits.failed(through(ONE), "refused")
    exits.install(pool(TWO))

    assert exits.is_idle


def test_the_log_tells_each_change_once_and_no_password(exits: Exits, clock: Clock, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        exits.failed(through(ONE), "proxy one.example:1080: refused")
    clock.now += 7
    exits.worked(through(ONE))
    exits.worked(through(ONE))

    assert caplog.messages == [
        "Group g1: exit socks5://***@one.example:1080 fails, its keys let their turns pass:"
        " proxy one.example:1080: refused",
        "Group g1: exit socks5://***@one.example:1080 works again, after 7 s",
    ]


def test_keys_of_one_exit_share_one_group():
    base = group(1, "g1", proxy_pool=(ONE, TWO, "direct"))
    of_keys = [group_of_key(base, f"AIzaSy-{number}", "") for number in range(60)]

    assert {one.proxy_url for one in of_keys} == {ONE, TWO, "direct"}
    assert len({id(one) for one in of_keys}) == 3
    assert all(one.has_exit for one in of_keys)


def test_a_key_has_its_exit_and_its_project_in_the_target():
    target = "https://example.test/projects/{project}"
    base = group(1, "g1", proxy_pool=(ONE,), target_url=target)

    located = group_of_key(base, "AIzaSy-1", "alpha")

    assert (located.prefix, located.proxy_url) == (b"/projects/alpha", ONE)
