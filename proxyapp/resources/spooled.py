"""What was made while the database was away, as a record of the spool."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.rows import LAST_MOMENT, is_keepable

RESOURCES = "resources"
MOST_ID = 2**63


def resources_record(changes: Iterable[ResourceChange]) -> dict[str, Any]:
    return {RESOURCES: [[*astuple(change.resource), change.at] for change in changes]}


def spooled_resources(record: Mapping[str, Any]) -> list[ResourceChange]:
    """What a newer gateway adds behind the columns of a row is passed over.

    Raises TypeError or ValueError.
    """
    return [_change(*row[:8]) for row in record.get(RESOURCES, [])]


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
    """A damaged line must not reach the database, where it would stand before all others."""
    ids, times, texts = (key_id, group_id, client_id), (expires_at, at), (key_name, project)
    if (
        not is_keepable(name)
        or not all(isinstance(text, str) for text in texts)
        or not all(isinstance(number, int) and 0 <= number < MOST_ID for number in ids)
        or not all(isinstance(time, int | float) and time >= 0 for time in times)
        or at > LAST_MOMENT
    ):
        raise ValueError("no resource")
    known = KnownResource(name, key_id, key_name, project, group_id, client_id, float(expires_at))
    return ResourceChange(known, float(at))
