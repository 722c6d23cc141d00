"""What was made while the database was away, as a record of the spool."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

from proxyapp.models.resource import MOST_KEY_HASH
from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.rows import LAST_MOMENT, is_keepable

RESOURCES = "resources"
MOST_ID = 2**63


def resources_record(changes: Iterable[ResourceChange]) -> dict[str, Any]:
    """An older release passes over what stands behind the moment."""
    rows = [(astuple(change.resource), change.at) for change in changes]
    return {RESOURCES: [[*fields[:7], at, *fields[7:]] for fields, at in rows]}


def spooled_resources(record: Mapping[str, Any]) -> list[ResourceChange]:
    """What a newer gateway adds behind the columns of a row is passed over.

    Raises TypeError or ValueError.
    """
    return [_change(*row[:9]) for row in record.get(RESOURCES, [])]


def _change(
    name: str,
    key_id: int,
    key_name: str,
    project: str,
    group_id: int,
    client_id: int,
    expires_at: float,
    at: float,
    key_hash: str = "",
) -> ResourceChange:
    """A damaged line must not reach the database, where it would stand before all others."""
    ids, times, texts = (
        (key_id, group_id, client_id),
        (expires_at, at),
        (key_name, project, key_hash),
    )
    if (
        not is_keepable(name)
        or not all(isinstance(text, str) for text in texts)
        or not all(isinstance(number, int) and 0 <= number < MOST_ID for number in ids)
        or not all(isinstance(time, int | float) and time >= 0 for time in times)
        or at > LAST_MOMENT
        or len(key_hash) > MOST_KEY_HASH
    ):
        raise ValueError("no resource")
    who = (key_id, key_name, project, group_id)
    known = KnownResource(name, *who, client_id, float(expires_at), key_hash)
    return ResourceChange(known, float(at))
