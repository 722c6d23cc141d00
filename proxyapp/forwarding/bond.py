"""Which keys can answer a request that names resources: those of the project that made them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from proxyapp.access.token_book import Client
from proxyapp.pool.bound_keys import key_of, keys_of_project
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.resources.known import KnownResource
from proxyapp.resources.names import kind_of
from proxyapp.resources.tenants import is_visible, sees_all
from proxyapp.vocabulary.errors import BadRequest, NoKeyAvailable, UnknownResource


@dataclass(frozen=True, slots=True)
class Bond:
    """`key_ids`: the best first; None: nobody knows who made what is named, so that each project is
    asked. `made`: what is known, for words. `barred_groups`: where the client is not to look.
    """

    names: tuple[str, ...]
    key_ids: tuple[int, ...] | None = None
    made: KnownResource | None = None
    barred_groups: frozenset[int] = frozenset()

    @property
    def is_sought(self) -> bool:
        return self.key_ids is None

    @property
    def whose(self) -> str:
        """The beginning of a sentence."""
        return "" if self.made is None else whose(self.made)


def bond_of(
    snapshot: Snapshot, ring: str, client: Client, found: Mapping[str, Sequence[KnownResource]]
) -> Bond | None:
    """`found`: by name, the newest first. None: what is named may be everybody's.

    Raises UnknownResource, BadRequest or NoKeyAvailable.
    """
    groups = {group.id: group for group in snapshot.groups_of(ring)}
    unseen = frozenset(pk for pk, group in groups.items() if not sees_all(client, group))
    known: dict[str, list[KnownResource]] = {}
    sought = []
    for name, rows in found.items():
        seen = [
            row
            for row in rows
            if ((group_id := _group_of(snapshot, row)) in groups or group_id not in snapshot.order)
            and is_visible(row, client, groups.get(group_id))
        ]
        if seen:
            known[name] = seen
        elif rows or not kind_of(name).has_public:
            if rows or (groups and len(unseen) == len(groups)):
                raise unknown(name)
            sought.append(name)
    if not known:
        return Bond(tuple(sought), barred_groups=unseen) if sought else None
    choices = {name: _keys(snapshot, rows, groups) for name, rows in known.items()}
    first, *others = choices.values()
    shared = [key for key in first if all(key in other for other in others)]
    if shared:
        row = next(iter(known.values()))[0]
        return Bond((*known, *sought), tuple(key.id for key in shared), row)
    for name, keys in choices.items():
        if not keys:
            raise gone(known[name][0])
    raise _of_two_projects([rows[0] for rows in known.values()])


def _group_of(snapshot: Snapshot, row: KnownResource) -> int:
    """Where the key is now: it may have moved."""
    key = key_of(snapshot, row.key_id, row.key_hash)
    return row.group_id if key is None else key.group.id


def _keys(
    snapshot: Snapshot, rows: Sequence[KnownResource], groups: Container[int]
) -> list[PoolKey]:
    found: dict[int, PoolKey] = {}
    for row in rows:
        key = key_of(snapshot, row.key_id, row.key_hash)
        who = (row.key_id, row.project) if key is None else (key.id, key.project)
        found |= {each.id: each for each in keys_of_project(snapshot, *who)}
    return [key for key in found.values() if key.group.id in groups]


def unknown(name: str) -> UnknownResource:
    return UnknownResource(f"{name} was not found, or it is not of this client or group.")


def sought_in_vain(name: str, status: int) -> UnknownResource:
    """`status`: as the last upstream said it."""
    error = UnknownResource(
        f"{name} was looked for a moment ago, and no project that can be asked has it."
    )
    error.status = status
    return error


def gone(made: KnownResource) -> NoKeyAvailable:
    return NoKeyAvailable(
        f"{whose(made)} is not in the gateway any more, and no other key of its project is.",
        retry_after=60,
        is_worth_trying=False,
    )


def _of_two_projects(made: Sequence[KnownResource]) -> BadRequest:
    """Two of them say what the trouble is."""
    first = made[0]
    other = next((row for row in made if not _is_of_project(row, first)), made[-1])
    return BadRequest(
        f"{first.name} belongs to the key {first.key_name!r}, {other.name} to {other.key_name!r} of"
        " another project: no key can use both. Make them again at /g/<group>/ of a group whose"
        " keys are of one project."
    )


def _is_of_project(row: KnownResource, other: KnownResource) -> bool:
    is_same = row.project == other.project and row.project != ""
    return is_same or row.key_id == other.key_id


def whose(made: KnownResource) -> str:
    project = f" of the project {made.project!r}" if made.project else ""
    return f"{made.name} belongs to the key {made.key_name!r}{project}, which"
