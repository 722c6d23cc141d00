"""What a ring is called in memory and in its cursor's row."""

import hashlib
from collections.abc import Collection

ALL_GROUPS = ""
# The column of RotationCursor that keeps it holds 120 characters.
LONGEST_RING_NAME = 100


def ring_name(group_ids: Collection[int]) -> str:
    """`group:7`, `groups:3,7`; of very many groups a hash of that, for a column keeps it."""
    if len(group_ids) == 1:
        return f"group:{next(iter(group_ids))}"
    name = "groups:" + ",".join(map(str, sorted(group_ids)))
    return (
        name
        if len(name) <= LONGEST_RING_NAME
        else f"groups:{hashlib.sha256(name.encode()).hexdigest()}"
    )


def groups_of_ring(name: str) -> frozenset[int]:
    """Of `groups:3,7`; of a hash none are known, and of others there are none."""
    numbers = name.removeprefix("groups:").split(",")
    return frozenset(map(int, numbers)) if all(map(str.isdecimal, numbers)) else frozenset()
