"""Which models a client may ask for."""

import re

from proxyapp.access.token_book import Client

# A `*` of the operator's stands for no separator with which an upstream may read two names in one.
_NAME = re.compile(r"[\w.:/@+~-]+")
_PUBLISHED = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/([^/]+)")
# No model's is nearly that long.
LONGEST_NAME = 1000


def may_use(client: Client, name: str) -> bool:
    return client.models is None or is_allowed(client.models, name)


def is_allowed(allowed: re.Pattern[str], name: str) -> bool:
    """By its own name or, where its publisher stands in front, by that of the model alone."""
    published = _PUBLISHED.fullmatch(name)
    plain = published[1] if published else name.removeprefix("google/")
    is_plain = len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None and ".." not in name
    return is_plain and any(allowed.fullmatch(known) is not None for known in (name, plain))
