"""Which ring of keys a client's request goes to."""

from proxyapp.access.token_book import Client
from proxyapp.pool.ring import Ring
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.model_name import LONGEST_NAME, normal_name
from proxyapp.vocabulary.errors import NotAllowed, UnknownGroup
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.told import told


def ring_of(snapshot: Snapshot, group_name: str | None, client: Client) -> Ring:
    """Nobody is told whether a group exists that is not theirs. Raises NotAllowed, UnknownGroup."""
    if client.groups is not None:
        ring = snapshot.ring_of_groups(client.groups, group_name)
        if ring is None:
            error = NotAllowed(
                told(gettext_noop("This client token may not use the keys of any group."))
                if group_name is None
                else told(
                    gettext_noop("This client token may not use the keys of the group %(group)s."),
                    group=repr(group_name),
                )
            )
            error.asked = (
                "" if group_name is None else f"/g/{normal_name(group_name)}"[:LONGEST_NAME]
            )
            raise error
        return ring
    if (ring := snapshot.ring(group_name)) is None:
        raise UnknownGroup(
            told(gettext_noop("There is no group %(group)s."), group=repr(group_name))
        )
    return ring
