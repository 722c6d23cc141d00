"""A client token sees what was made with it, and with `shared_resources` what others made."""

import pytest

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.pool.keys_and_groups import GroupFields, PoolGroup, pool_group
from proxyapp.resources.tenants import is_visible
from tests.support.resources import known

URL = "https://generativelanguage.googleapis.com"
MINE, SHARING = Client(id=5), Client(id=5, shared_resources=True)


def group(*, is_shared: bool = False) -> PoolGroup:
    fields = GroupFields(1, "g", URL, None, "auto", has_single_credential=False)
    return pool_group(fields._replace(shared_resources=is_shared))


@pytest.mark.parametrize(
    ("client", "maker", "seen"),
    [
        (MINE, 5, True),
        (MINE, 6, False),
        (MINE, 0, False),
        (SHARING, 6, True),
        (SHARING, 0, True),
        (ANYONE, 6, True),
        (ANYONE, 0, True),
    ],
)
def test_who_sees_whose(client: Client, maker: int, seen: bool):
    assert is_visible(known(client_id=maker), client, group()) is seen


def test_a_group_shares_what_its_keys_made_with_all_who_may_use_it():
    theirs = known(client_id=6)

    assert is_visible(theirs, MINE, group(is_shared=True))
    assert not is_visible(theirs, MINE, None)
    assert not is_visible(theirs, SHARING, None)


def test_what_is_ones_own_is_seen_also_when_its_group_is_gone():
    assert is_visible(known(client_id=5), MINE, None)
    assert is_visible(known(client_id=6), ANYONE, None)
