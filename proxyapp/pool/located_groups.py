"""A group as one of its keys has it: a target's `{project}` and `{location}`, and its exit, are
each key's own.
"""

import dataclasses

from proxyapp.pool.keys_and_groups import PoolGroup, target_parts
from proxyapp.vocabulary.choices import Auth
from proxyapp.vocabulary.exits import chosen_exit
from proxyapp.vocabulary.service_account import account_of, is_account
from proxyapp.vocabulary.target_places import filled


def group_of_key(
    group: PoolGroup, secret: str, project: str, proxy_url: str | None = None
) -> PoolGroup:
    """A service account shows a token, whatever way the group's keys take. `proxy_url`: the key's
    own exit.
    """
    if proxy_url:
        group = through(group, proxy_url)
    elif group.proxy_pool:
        group = through(group, chosen_exit(group.proxy_pool, secret))
    account = account_of(secret) if is_account(secret) else {}
    if not account and not group.template:
        return group
    located = _at(group, project or account.get("project_id", ""), account.get("location", ""))
    return dataclasses.replace(located, auth=Auth.BEARER) if account else located


def through(group: PoolGroup, exit_url: str) -> PoolGroup:
    """One for all keys of the exit."""
    there = group.through.get(exit_url)
    if there is None:
        there = dataclasses.replace(group, proxy_url=exit_url, has_exit=True)
        group.through[exit_url] = there
    return there


def _at(group: PoolGroup, project: str, location: str) -> PoolGroup:
    if not group.template:
        return group
    parts = target_parts(filled(group.template, project, location))
    return dataclasses.replace(group, **parts._asdict())
