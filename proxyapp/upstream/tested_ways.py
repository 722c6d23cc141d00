"""Which ways of a group a test goes: one, or that of each exit, with a key that has it."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from proxyapp.models import ApiKey, Group
from proxyapp.models.key_state import ROTATION_ORDER, in_state
from proxyapp.models.sealed import UNREADABLE
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.located_groups import group_of_key, through
from proxyapp.pool.store import group_of_pool
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.exits import DIRECT, shown_exit
from proxyapp.vocabulary.key_states import KeyState

# Those that SECRET_KEY does not open are passed over; when so many are, the secret is another.
KEYS_TRIED = 5
# For each state: so many keys have each of some dozens of exits among them.
KEYS_LOOKED_AT = 1000
# Of all groups that are tested together: in rounds of 20, within the minute that nginx waits.
MOST_WAYS = 100


class TestedWay(NamedTuple):
    """`pooled`: the group as requests that go there have it. `key` None: there is none to ask
    with.
    """

    pooled: PoolGroup
    key: ApiKey | None

    @property
    def shown_proxy(self) -> str:
        """Empty: there is none."""
        proxy = self.pooled.proxy_url
        return shown_exit(proxy) if proxy and proxy != DIRECT else ""


def ways_of(group: Group, now: datetime, most: int) -> list[TestedWay]:
    """So many exits at most. Its proxies have to be readable."""
    pooled = group_of_pool(group)
    if not pooled.proxy_pool and not group.keys.exclude(proxy_url=None).exists():
        key = next(_usable_keys(group, now, KEYS_TRIED), None)
        return [TestedWay(pooled if key is None else _with_key(pooled, key), key)]
    ways = [through(pooled, url) for url in pooled.proxy_pool[:most]]
    found = {way.way: TestedWay(way, None) for way in ways}
    for key in _usable_keys(group, now, KEYS_LOOKED_AT):
        its = _with_key(pooled, key)
        known = found.get(its.way)
        if (known is None and len(found) < most) or (known is not None and known.key is None):
            found[its.way] = TestedWay(its, key)
    return list(found.values()) or [TestedWay(pooled, None)]


def _with_key(pooled: PoolGroup, key: ApiKey) -> PoolGroup:
    return group_of_key(pooled, key.secret or UNREADABLE, key.project, key.proxy_url)


def _usable_keys(group: Group, now: datetime, most: int) -> Iterator[ApiKey]:
    """Those that are available, then those that are cooling: the list of models has no quota; then
    those that are invalid, which may work again. Of a group that is off all its keys are disabled.
    """
    if group.is_off(now):
        active = group.keys.filter(status=KeyStatus.ACTIVE).order_by(*ROTATION_ORDER)
        yield from (key for key in active[:most] if key.secret and key.proxy_url != UNREADABLE)
    for state in (KeyState.AVAILABLE, KeyState.COOLING, KeyState.INVALID):
        keys = in_state(ApiKey.objects.filter(group=group), state, now).order_by(*ROTATION_ORDER)
        yield from (key for key in keys[:most] if key.secret and key.proxy_url != UNREADABLE)
