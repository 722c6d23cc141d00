"""What keys of a group have to have in common to take their turns alike."""

from typing import NamedTuple


class KeyClass(NamedTuple):
    """`weight`: how many turns for one of its group; 1 where the group's strategy does not ask."""

    group_id: int
    priority: int
    weight: int
