"""Names in one line that must not get long."""

from collections.abc import Sequence

MOST = 5


def few_names(names: Sequence[str], most: int = MOST) -> str:
    more = ["…"] if len(names) > most else []
    return ", ".join([*names[:most], *more])
