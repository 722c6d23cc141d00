"""Whose lists make up a list: the projects of a ring, each with the keys that may be asked."""

from dataclasses import dataclass
from urllib.parse import quote

from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.resources.tenants import sees_all
from proxyapp.vocabulary.choices import Auth

# With another credential a target is no Google.
_GOOGLES = (Auth.GOOGLE, Auth.X_GOOG_API_KEY, Auth.BOTH)


@dataclass(frozen=True, slots=True)
class ListedProject:
    """`place`: what a page token calls it. `shown`: its label or its key's name, as a header may
    have it.
    """

    place: str
    shown: str
    keys: tuple[PoolKey, ...]

    @property
    def key_ids(self) -> tuple[int, ...]:
        return tuple(key.id for key in self.keys)


def listed_projects(snapshot: Snapshot, request: RequestPlan) -> list[ListedProject]:
    """In the order of the ring. A key without a label is a project of its own."""
    groups = {
        group.id
        for group in snapshot.groups_of(request.ring)
        if group.id not in request.barred_groups and _has_lists(group, request)
    }
    places = {group_id: place for place, group_id in enumerate(snapshot.order)}
    keys = [key for key in snapshot.keys.values() if key.group.id in groups]
    found: dict[str, list[PoolKey]] = {}
    for key in sorted(keys, key=lambda key: (places[key.group.id], key.position)):
        label = f"project {key.project}" if key.project else f"key {key.id}"
        found.setdefault(f"{label} at {key.group.host.decode()}", []).append(key)
    return [ListedProject(place, _shown(own[0]), tuple(own)) for place, own in found.items()]


def _has_lists(group: PoolGroup, request: RequestPlan) -> bool:
    """Of others nobody is asked for nothing; but who is not to see all is told what is left."""
    if not sees_all(request.client, group):
        return True
    return request.facts.is_openai or group.is_of_google or group.auth in _GOOGLES


def _shown(key: PoolKey) -> str:
    """Never a part of the key itself."""
    return quote(key.project or key.name or f"key-{key.id}", safe=" ._:@/-")
