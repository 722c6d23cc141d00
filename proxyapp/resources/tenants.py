"""Whose resources a client may see."""

from collections.abc import Iterable

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.resources.known import KnownResource


def sees_all(client: Client, group: PoolGroup) -> bool:
    """Of the group's keys, whoever made them."""
    return client is ANYONE or client.shared_resources or group.shared_resources


def sees_all_of(client: Client, groups: Iterable[PoolGroup]) -> bool:
    return all(sees_all(client, group) for group in groups)


def is_visible(known: KnownResource, client: Client, group: PoolGroup | None) -> bool:
    """`group`: that of the key that made it; None: the client may not use it, or it is gone."""
    if client is ANYONE or known.client_id == client.id:
        return True
    return group is not None and sees_all(client, group)
