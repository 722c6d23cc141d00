"""What an operator should see to: a list that is empty when all is well."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal
from urllib.parse import urlencode

from django.urls import reverse

from proxyapp import runtime
from proxyapp.database.outage import Outage
from proxyapp.operators.minutes import Totals
from proxyapp.operators.running_dry import Drying, running_dry
from proxyapp.operators.standing import (
    AVAILABLE,
    COOLING,
    DISABLED,
    INVALID,
    STATES,
    GroupFacts,
    Standing,
)
from proxyapp.pool.exits import FailingExit
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.times import local_text

# Of each sort; the others are counted.
MOST_OF_A_SORT = 5
MOST_IDS = 100  # in a link
ROUNDED = timedelta(minutes=10)  # down
# An outage that is over is told of for so long.
REMEMBERED = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Item = dict[str, str]


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """What only this process knows.

    `unreadable`: the ids of keys that SECRET_KEY does not open. `spool`: its problems. `exits`:
    those that fail.
    """

    is_database_away: bool = False
    unreadable: Collection[int] = ()
    last_outage: Outage | None = None
    spooled: int = 0
    spool: Sequence[str] = ()
    exits: Sequence[FailingExit] = ()


def this_process() -> RuntimeFacts:
    """Its picture of the pool may be half a second old."""
    current = runtime.current()
    if current is None:
        return RuntimeFacts()
    keys = list(current.snapshot.keys.values())  # copied in one step: the loop may add some
    threads, writing = current.threads, current.writing
    unreadable = [key.id for key in keys if not key.is_readable]
    return RuntimeFacts(
        threads.is_away,
        unreadable,
        threads.last_outage,
        writing.waiting,
        writing.problems,
        runtime.failing_exits(),
    )


def attention(
    standing: Standing, hour: Iterable[Totals], facts: RuntimeFacts, now: datetime
) -> list[Item]:
    """`hour`: the last one's minutes. What is urgent comes first."""
    items = [
        *([database_away_item()] if facts.is_database_away else ()),
        *(one for _, items in by_kind(standing, hour, facts, now) for one in items),
        *_last_outage(facts, now),
    ]
    return sorted(items, key=lambda item: item["level"] != "danger")


def by_kind(
    standing: Standing, hour: Iterable[Totals], facts: RuntimeFacts, now: datetime
) -> Iterator[tuple[str, Iterable[Item]]]:
    """By the kinds of alerts, but the database's being away: nobody reads this then."""
    minutes = list(hour)
    yield "spool", _spool(facts)
    yield "unreadable", _unreadable(standing, facts)
    yield "group_without_key", _without_a_key(standing)
    yield "no_key", _no_key(minutes)
    yield "exit", _exits(facts)
    yield "exit", _proxies(minutes)
    yield "key_died", _invalid(standing)
    yield "running_dry", _drying(standing, now)


def database_away_item() -> Item:
    text = (
        "The database is away: requests are served from memory, and what happens is written when it"
        " is back."
    )
    return item("danger", text, reverse("admin:index"))


def _spool(facts: RuntimeFacts) -> Iterator[Item]:
    for problem in facts.spool:
        yield item("danger", f"{problem[0].upper()}{problem[1:]}.", reverse("admin:index"))
    if facts.spooled and not facts.is_database_away:
        what = plural(facts.spooled, "record waits", "records wait")
        yield item(
            "warning", f"{what} in the spool to be written to the database.", reverse("admin:index")
        )


def _last_outage(facts: RuntimeFacts, now: datetime) -> Iterator[Item]:
    outage = facts.last_outage
    if outage is None or outage.until is None or now - outage.until > REMEMBERED:
        return
    times = f"from {outage.since:%H:%M:%S} to {outage.until:%H:%M:%S} UTC"
    text = (
        f"The database was away {times} ({outage.reason}). Requests went on, and what happened is"
        " written."
    )
    yield item("warning", text, reverse("admin:index"))


def item(level: Literal["danger", "warning"], text: str, url: str) -> Item:
    return {"level": level, "text": text, "url": url}


def keys_url(**query: str | int) -> str:
    """The list of keys, filtered."""
    return list_url("apikey", **query)


def list_url(name: str, **query: str | int) -> str:
    url = reverse(f"admin:proxyapp_{name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url


def _unreadable(standing: Standing, facts: RuntimeFacts) -> Iterator[Item]:
    for group in standing.facts.groups:
        if not group.is_readable:
            text = (
                f"Group {group.name} is not used: SECRET_KEY does not open its proxy URL. Enter it"
                " again."
            )
            yield item("danger", text, reverse("admin:proxyapp_group_change", args=[group.id]))
    if unreadable := [key_id for key_id in facts.unreadable if key_id in standing.key_of]:
        ids = ",".join(map(str, unreadable[:MOST_IDS]))
        what = plural(len(unreadable), "key is", "keys are")
        text = (
            f"{what} not used: SECRET_KEY does not open them. Replace them, or add the old secret"
            " as a fallback."
        )
        yield item("danger", text, keys_url(id__in=ids))


def _without_a_key(standing: Standing) -> Iterator[Item]:
    """An empty group, or one that an operator has disabled, is no emergency."""
    found = [
        (group, count)
        for group, _, count in standing.spans()
        if not standing.by_group[group.id, AVAILABLE]
    ]
    for group, count in found[:MOST_OF_A_SORT]:
        is_wanted = count > standing.by_group[group.id, DISABLED]
        text = (
            f"Group {group.name} has no"
            f" {'available key' if count else 'keys yet'}{_why(standing, group)}."
        )
        yield item("danger" if is_wanted else "warning", text, keys_url(group__id__exact=group.id))
    if len(found) > MOST_OF_A_SORT:
        more = plural(len(found) - MOST_OF_A_SORT, "more group has", "more groups have")
        yield item("danger", f"{more} no available key.", list_url("group"))


def _why(standing: Standing, group: GroupFacts) -> str:
    """`: 3 cooling (the first until …), 1 invalid`; nothing of an empty group."""
    counts = {code: standing.by_group[group.id, code] for code in (COOLING, DISABLED, INVALID)}
    parts = [f"{count} {STATES[code]}" for code, count in counts.items() if count]
    return f": {', '.join(parts)}" if parts else ""


def _no_key(hour: Iterable[Totals]) -> Iterator[Item]:
    if count := sum(minute.no_key for minute in hour):
        text = f"{plural(count, 'request', 'requests')} of the last hour found no available key."
        yield item("danger", text, keys_url())


def _exits(facts: RuntimeFacts) -> Iterator[Item]:
    for one in facts.exits[:MOST_OF_A_SORT]:
        text = (
            f"Exit {one.exit} of group {one.group} fails, and its keys let their turns pass:"
            f" {one.reason}"
        )
        yield item("warning", text, reverse("admin:proxyapp_group_change", args=[one.group_id]))
    if len(facts.exits) > MOST_OF_A_SORT:
        more = plural(len(facts.exits) - MOST_OF_A_SORT, "more exit fails", "more exits fail")
        yield item("warning", f"{more}.", list_url("group"))


def _proxies(hour: Iterable[Totals]) -> Iterator[Item]:
    if count := sum(minute.proxy_failed for minute in hour):
        text = f"{plural(count, 'request', 'requests')} of the last hour failed at a group's proxy."
        yield item("warning", text, list_url("group"))


def _invalid(standing: Standing) -> Iterator[Item]:
    if count := standing.count(INVALID):
        what = plural(
            count,
            "key is invalid: the provider refused it.",
            "keys are invalid: the provider refused them.",
        )
        yield item("warning", what, keys_url(state=KeyState.INVALID))


def _drying(standing: Standing, now: datetime) -> Iterator[Item]:
    """Not of groups that have no available key at all: that is said already."""
    found = (
        drying
        for drying in running_dry(standing, now)
        if standing.by_group[drying.group.id, AVAILABLE]
    )
    for drying in islice(found, MOST_OF_A_SORT):
        text = _of_drying(drying, now)
        yield item("warning", text, keys_url(group__id__exact=drying.group.id))


def _of_drying(drying: Drying, now: datetime) -> str:
    whom = f" for {drying.model}" if drying.model else ""
    back = f"the first is back at {local_text(drying.reset)}"
    if drying.at <= now:
        return f"Group {drying.group.name} has used up its keys{whom} for today; {back}."
    about = drying.at - (drying.at - EPOCH) % ROUNDED
    return (
        f"At today's rate group {drying.group.name} has no key left{whom} from about"
        f" {local_text(about)}; {back}."
    )


def plural(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
