"""Which keys a model's name leads to, and in the name of which model they are asked."""

from typing import NamedTuple


class ModelChoice(NamedTuple):
    """The keys that are asked, and for which model. `barred`: groups that have it not."""

    ring: str
    model: str
    barred: frozenset[int] = frozenset()


class ModelChoices(NamedTuple):
    """What a name means in a ring; several choices where it is an alias of several models. `then`:
    the groups' fallbacks.
    """

    choices: list[ModelChoice]
    then: list[str]
