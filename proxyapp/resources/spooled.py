"""What was made while the database was away, as a record of the spool."""

from collections.abc import Iterable, Mapping
from typing import Any

from proxyapp.resources.known import KnownResource, ResourceChange

RESOURCES = "resources"


def resources_record(changes: Iterable[ResourceChange]) -> dict[str, Any]:
    return {RESOURCES: [_row(change) for change in changes]}


def spooled_resources(record: Mapping[str, Any]) -> list[ResourceChange]:
    """What a newer gateway adds behind the columns of a row is passed over.

    Raises TypeError or ValueError.
    """
    return [_change(*row[:8]) for row in record.get(RESOURCES, [])]


def _row(change: ResourceChange) -> list[Any]:
    known = change.resource
    return [
        known.name,
        known.key_id,
        known.key_name,
        known.project,
        known.group_id,
        known.client_id,
        known.expires_at,
        change.at,
    ]


def _change(
    name: str,
    key_id: int,
    key_name: str,
    project: str,
    group_id: int,
    client_id: int,
    expires_at: float,
    at: float,
) -> ResourceChange:
    known = KnownResource(name, key_id, key_name, project, group_id, client_id, float(expires_at))
    return ResourceChange(known, float(at))
