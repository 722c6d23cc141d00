"""Names of models with `*` in them, as operators write them."""

import re
from collections.abc import Sequence


def pattern_of(models: Sequence[str]) -> re.Pattern[str] | None:
    """`*` stands for any part of a name, the rest for itself; None: every model is meant."""
    if not models:
        return None
    return re.compile("|".join(map(expression_of, models)), re.DOTALL)


def expression_of(model: str) -> str:
    """Each part is taken where it comes first: to go back and try the next place would find no
    more, and takes a client's long name the square of its length.
    """
    first, *rest = map(re.escape, model.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last
