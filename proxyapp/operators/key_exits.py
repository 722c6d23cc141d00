"""Which exit each key has, as it is shown: without user and password."""

import functools
from typing import NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q

from proxyapp.models import Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary.exits import chosen_exit, exit_lines, shown_exit


class ShownExit(NamedTuple):
    """`text`: empty where a key goes directly and nobody said so. `is_own`: the key's, and not its
    whole group's.
    """

    text: str = ""
    is_own: bool = False


NO_EXIT = ShownExit()


# Of a key's group: whether it names a proxy or exits.
NAMES_A_WAY = ExpressionWrapper(
    Q(group__proxy_url__isnull=False) | Q(group__proxy_pool__isnull=False), BooleanField()
)


class KeyExits:
    """Groups are read when one is asked for that names a way."""

    @functools.cached_property
    def _groups(self) -> dict[int, tuple[str | None, str | None]]:
        rows = Group.objects.order_by().values_list("pk", "proxy_url", "proxy_pool")
        return {pk: (proxy_url, pool) for pk, proxy_url, pool in rows}

    def of(self, group_id: int, secret: str, own: str | None, *, names_a_way: bool) -> ShownExit:
        """`names_a_way`: the group does."""
        if own is not None:
            return ShownExit(_shown(own), is_own=True)
        if not names_a_way:
            return NO_EXIT
        proxy_url, pool = self._groups.get(group_id, (None, None))
        if pool is None:
            return ShownExit("" if proxy_url is None else _shown(proxy_url))
        if UNREADABLE in (pool, secret):
            return ShownExit("unreadable", is_own=True)
        return ShownExit(_shown(chosen_exit(exit_lines(pool), secret)), is_own=True)


def _shown(url: str) -> str:
    return "unreadable" if url == UNREADABLE else shown_exit(url)
