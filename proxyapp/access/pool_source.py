"""The pool and the tokens of one version, as one process reads them on its database thread."""

from typing import NamedTuple

from proxyapp.access import token_store
from proxyapp.access.token_book import TokenBook
from proxyapp.database.clock import DatabaseTime, database_time
from proxyapp.pool import taking
from proxyapp.pool.changes import KnownPool, PoolChanges
from proxyapp.pool.ring_names import ring_name
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.store import PoolReader


class News(NamedTuple):
    """`book` None: no token changed."""

    pool: PoolChanges
    book: TokenBook | None


class PoolSource:
    """Reads all, or what is new."""

    def __init__(self) -> None:
        self._reader = PoolReader()

    def load(self, at: DatabaseTime | None = None) -> tuple[Snapshot, TokenBook]:
        """The pool first, because it reads the version before anything else. `at`: as of then."""
        snapshot = self._reader.load(*(at or database_time()))
        book = token_store.read_book()
        for client in book.clients:
            snapshot.add_ring(client.groups or frozenset())
        return snapshot, book

    def news(self, known: KnownPool) -> News | None:
        """Since then; None: perhaps all is another."""
        changes = self._reader.changes(known, *database_time())
        if changes is None:
            return None
        return News(changes, token_store.read_book() if changes.has_tokens else None)


def can_take(snapshot: Snapshot, book: TokenBook, news: News) -> bool:
    """Whether the rings of tokens stay those that there are: another set of groups has one of its
    own.
    """
    if not taking.can_take(snapshot, news.pool):
        return False
    if news.book is None and news.pool.groups is None:
        return True
    groups = snapshot.order.values() if news.pool.groups is None else news.pool.groups
    sets = {ring_name(client.groups) for client in (news.book or book).clients if client.groups}
    own = snapshot.circles.keys() - snapshot.routed
    return own == sets - {group.ring for group in groups}
