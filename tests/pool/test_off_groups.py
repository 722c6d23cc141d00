"""Groups that are off for a time come back at their moment, also while the database is away."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError

from proxyapp.models import Group
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.off_groups import OffGroups, wake_groups, wake_in_memory
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import build
from tests.support.pool_data import add_group, add_key, cool
from tests.support.pool_follower import START, Follower, picture, whole
from tests.support.snapshots import group

EXITS = "socks5://one.test:1080\nsocks5://two.test:1080"
AN_HOUR = START + timedelta(hours=1)


class FakeThreads:
    """Of a database that is away until it is not."""

    def __init__(self) -> None:
        self.is_away, self.asked = True, 0

    async def urgent(self, work: Callable[[], bool]) -> bool:
        if self.is_away:
            raise OperationalError("away")
        self.asked += 1
        return True


@pytest.mark.django_db
def test_in_memory_a_group_comes_back_as_its_row_does_with_the_cooldowns_of_its_keys():
    other = add_group("other", off_until=AN_HOUR + timedelta(seconds=1))
    main = add_group("main", off_until=AN_HOUR, proxy_pool=EXITS)
    own = add_key(main, "own", proxy_url="socks5://own.test:1080", project="p")
    keys = [add_key(main, "a", project="p"), add_key(main, "b", status="disabled"), own]
    add_key(other, "c")
    cool(keys[0], AN_HOUR + timedelta(minutes=5), model="pro", kind="minute", project="p")
    cool(own, AN_HOUR + timedelta(hours=5), kind="day")
    raise_pool_version(touched_groups([main.pk]))
    follower = Follower()
    assert follower.snapshot.rings[ALL_GROUPS].available(START.timestamp()).count == 0
    follower.now = AN_HOUR

    woken = wake_in_memory(follower.snapshot, AN_HOUR.timestamp())

    before = picture(follower)
    assert set(woken) == {key.pk for key in keys}
    assert wake_groups(AN_HOUR)
    assert before | {"version": ()} == picture(whole(follower)) | {"version": ()}
    assert follower.refresh()
    assert follower.reloads == 1, "there is nothing new but the version"
    assert picture(follower) == picture(whole(follower))
    assert Group.objects.get(off_until=None) == main


def test_it_is_on_at_its_moment_and_written_when_the_database_is_back():
    off = group(1, "main", off_until=100.0)
    pool = build(1, [off], [PoolKey(1, off, "K1", "…", "active")], Cooldowns())
    threads = FakeThreads()
    groups = OffGroups(threads)  # type: ignore[arg-type]

    assert not groups.wake(pool, 99.999)
    assert pool.rings[ALL_GROUPS].available(99.999).count == 0
    assert set(groups.wake(pool, 100.0)) == {1}
    assert pool.rings[ALL_GROUPS].available(100.0).count == 1
    assert (pool.version, +pool.standing) == (1, {"active": 1})
    with pytest.raises(OperationalError):
        async_to_sync(groups.write)(pool.order.values(), 100.0)
    threads.is_away = False
    for _ in range(3):
        async_to_sync(groups.write)(pool.order.values(), 100.0)
    assert threads.asked == 1, "once written it is not asked about again"
