"""What is set of a project reaches each process, without a look at the whole pool."""

import pytest

from proxyapp.models import Project
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.quota.limit_book import LimitBook
from tests.support.pool_data import add_group, add_key
from tests.support.pool_follower import Follower, picture, whole

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_process_follows_what_is_set() -> None:
    key = add_key(add_group("main"), "k", project="alpha")
    raise_pool_version(None)
    follower = Follower()
    assert LimitBook(follower.snapshot).is_empty

    Project.objects.create(name="alpha", limits={"*": {"requests_per_day": 5}})
    raise_pool_version(Touched(has_settings=True))
    assert follower.refresh()

    assert (follower.reloads, follower.takes) == (1, 1)
    assert picture(follower) == picture(whole(follower))
    pooled = follower.snapshot.keys[key.pk]
    (limit,) = LimitBook(follower.snapshot).of(pooled, "gemini-2.5-pro")
    assert (limit.owner, limit.number, limit.source) == ("project:alpha", 5, "project alpha")


def test_a_keys_own_limits_are_counted_as_they_come_and_go() -> None:
    group = add_group("main")
    key = add_key(group, "k")
    touched = Touched(keys=frozenset([key.pk]))
    raise_pool_version(None)
    follower = Follower()

    key.limits = {"*": {"requests_per_day": 5}}
    key.save()
    raise_pool_version(touched)
    follower.refresh()
    assert not LimitBook(follower.snapshot).is_empty
    key.delete()
    raise_pool_version(touched)
    follower.refresh()

    assert follower.takes == 2
    assert LimitBook(follower.snapshot).is_empty
    assert picture(follower) == picture(whole(follower))
