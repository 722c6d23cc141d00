"""Whose limits there are: of a project, of a key, of a group, of a client token."""

from collections.abc import Sequence

from proxyapp.pool.snapshot import Snapshot

PROJECT, KEY, GROUP, TOKEN = "project:", "key:", "group:", "token:"
# The Live sessions of a client token.
SESSIONS_OF = "live:"


def keys_of(snapshot: Snapshot, owner: str) -> Sequence[int]:
    """Those that the owner's limits hold for; none of a client token."""
    if owner.startswith(PROJECT):
        return snapshot.projects.get(owner.removeprefix(PROJECT), ())
    number = int(owner.partition(":")[2])
    if owner.startswith(KEY):
        return (number,)
    group = snapshot.order.get(number) if owner.startswith(GROUP) else None
    return snapshot.rings[group.ring].key_ids if group is not None else ()
