"""Resources in the database. The only place that writes their rows."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from proxyapp.database.many_values import Rows, sources, table_name, time_texts
from proxyapp.models import Resource
from proxyapp.models.resource import MOST_KEY_NAME, MOST_NAME
from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.names import kind_of

PLACE = ("name", "key_id")
KNOWN = (*PLACE, "key_name", "project", "group_id", "client_id", "expires_at", "key_hash")
OTHERS = (
    *("key_name", "project", "group_id", "client_id"),
    *("kind", "made_at", "expires_at", "key_hash"),
)
# What was made later than that was made by a clock's error, and does not stand against what is new.
MOST_AHEAD = timedelta(minutes=1)
# Any moment may be asked for, but dates end there.
LAST_MOMENT = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
Found = Mapping[str, Sequence[KnownResource]]


def is_keepable(name: str) -> bool:
    """No API gives out a name that is longer or holds what cannot be printed."""
    return 0 < len(name) <= MOST_NAME and name.isprintable()


def read_resources(names: Sequence[str], now: float) -> Found:
    """Those that exist by then, by name, the newest first.

    A request waits for it, and Django's own way takes PostgreSQL three times as long, SQLite ten.
    """
    found: defaultdict[str, list[KnownResource]] = defaultdict(list)
    (moment,) = time_texts([now]).values()
    with connection.cursor() as cursor:
        for source, values in _sources(names):
            cursor.execute(  # no outside value
                f"SELECT {', '.join(KNOWN)} FROM {table_name(Resource)}"  # noqa: S608
                f" WHERE name IN ({source}) AND expires_at > %s ORDER BY made_at DESC, id DESC",
                [*values, moment],
            )
            for row in cursor.fetchall():
                found[row[0]].append(_known(*row))
    return found


def _sources(names: Sequence[str]) -> Iterable[tuple[str, list[Any]]]:
    """Mostly it is one name, for which PostgreSQL plans half as long as for a source of rows."""
    if len(names) == 1:
        return [("%s", [*names])]
    return sources(Resource, ("name",), [(name,) for name in names])


def _known(
    name: str,
    key_id: int,
    key_name: str,
    project: str,
    group_id: int,
    client_id: int,
    expires_at: datetime,
    key_hash: str,
) -> KnownResource:
    """What many have in common is in memory once. SQLite's times have no zone."""
    end = expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=UTC)
    key_name, project, key_hash = map(sys.intern, (key_name, project, key_hash))
    who = (key_id, key_name, project, group_id)
    return KnownResource(name, *who, client_id, end.timestamp(), key_hash)


def write_resources(changes: Iterable[ResourceChange]) -> int:
    """How many rows the changes are for.

    One that is made again by its key belongs to whom it was made for last, in whichever order
    processes write. Rows are locked in one order.
    """
    latest = sorted(_latest(changes).items())
    name = table_name(Resource)
    sets = ", ".join(f"{column} = excluded.{column}" for column in OTHERS)
    (horizon,) = time_texts([(datetime.now(UTC) + MOST_AHEAD).timestamp()]).values()
    with transaction.atomic(), connection.cursor() as cursor:
        for source, values in sources(
            Resource, (*PLACE, *OTHERS), _rows([change for _, change in latest])
        ):
            cursor.execute(  # no outside value
                f"INSERT INTO {name} ({', '.join((*PLACE, *OTHERS))}) {source}"
                f" ON CONFLICT ({', '.join(PLACE)}) DO UPDATE SET {sets}"
                f" WHERE {name}.made_at <= excluded.made_at OR {name}.made_at > %s",
                [*values, horizon],
            )
    return len(latest)


def _kind(name: str) -> str:
    """Of another release's names it may be unknown."""
    try:
        return kind_of(name).name
    except KeyError:
        return ""


def _latest(changes: Iterable[ResourceChange]) -> dict[tuple[str, int], ResourceChange]:
    latest: dict[tuple[str, int], ResourceChange] = {}
    for change in changes:
        before = latest.get(change.place)
        if before is None or before.at <= change.at:
            latest[change.place] = change
    return latest


def _rows(changes: Sequence[ResourceChange]) -> Rows:
    times = [change.at for change in changes]
    times += [min(change.resource.expires_at, LAST_MOMENT) for change in changes]
    texts = time_texts(times)
    return [
        (
            change.resource.name,
            change.resource.key_id,
            change.resource.key_name[:MOST_KEY_NAME],
            change.resource.project,
            change.resource.group_id,
            change.resource.client_id,
            _kind(change.resource.name),
            texts[change.at],
            texts[min(change.resource.expires_at, LAST_MOMENT)],
            change.resource.key_hash,
        )
        for change in changes
    ]
