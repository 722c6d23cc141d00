"""Exits: the ways, through a proxy or directly, that the requests of a group's keys take.

A pool of them is kept as text, a line each. Each key has one of them for good, by rendezvous
hashing of the key and each exit: an exit that is removed moves its own keys only, a new one moves
those that come to it.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from proxyapp.vocabulary.checks import proxies
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.urls import shown_url

DIRECT = "direct"
MOST_EXITS = 1000
EXAMPLE = "socks5://user:password@host:1080"
BOTH = gettext_noop(
    "stands beside proxy_url; keep proxy_pool for an exit of each key's own, or proxy_url for one"
    " proxy for all"
)


def exit_lines(pool: str | None) -> list[str]:
    return (pool or "").split()


def pool_of(exits: Sequence[str]) -> str | None:
    return "\n".join(exits) or None


def shown_exit(url: str) -> str:
    """`direct`, or the proxy without user and password."""
    return url if url == DIRECT else shown_url(url)


def shown_pool(pool: str | None) -> str:
    return ", ".join(map(shown_exit, exit_lines(pool))) or "none"


def exit_check(allow_link_local: bool) -> Callable[[str], str | None]:
    """Of one exit, for a group that may, or may not, reach link-local addresses."""
    check = proxies(allow_link_local)
    return lambda url: None if url == DIRECT else check(url)


def repeated(exits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of exits that stand there before, and where."""
    first: dict[str, int] = {}
    for place, url in enumerate(exits):
        if (earlier := first.setdefault(_name(url), place)) != place:
            yield place, earlier


def chosen_exit(exits: Sequence[str], secret: str) -> str:
    """Of the key with that secret: the same in every process, whatever their order is."""
    key = secret.encode()
    return max(exits, key=lambda url: hashlib.sha256(_digest(url) + key).digest())


@functools.lru_cache(4096)
def _digest(url: str) -> bytes:
    return hashlib.sha256(_name(url).encode()).digest()


def _name(url: str) -> str:
    """Without its password: a new one moves no key."""
    if url == DIRECT:
        return url
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.username or ''}@{parts.hostname}:{parts.port or ''}"
    except ValueError:  # no exit is stored that is no URL
        return url
