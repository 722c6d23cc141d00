"""What an operator should see to: a list that is empty when all is well."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from proxyapp import runtime
from proxyapp.database.outage import Outage
from proxyapp.operators.minutes import Totals
from proxyapp.operators.running_dry import Drying, running_dry
from proxyapp.operators.standing import (
    AVAILABLE,
    COOLING,
    DISABLED,
    INVALID,
    GroupFacts,
    Standing,
)
from proxyapp.pool.exits import FailingExit
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.times import local_text
from proxyapp.vocabulary.told import shown

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
    text = _(
        "The database is away: requests are served from memory, and what happens is written when it"
        " is back."
    )
    return item("danger", text, reverse("admin:index"))


def _spool(facts: RuntimeFacts) -> Iterator[Item]:
    for problem in map(shown, facts.spool):
        yield item("danger", f"{problem[0].upper()}{problem[1:]}.", reverse("admin:index"))
    if facts.spooled and not facts.is_database_away:
        text = counted(
            ngettext(
                "%(number)s record waits in the spool to be written to the database.",
                "%(number)s records wait in the spool to be written to the database.",
                facts.spooled,
            ),
            facts.spooled,
        )
        yield item("warning", text, reverse("admin:index"))


def _last_outage(facts: RuntimeFacts, now: datetime) -> Iterator[Item]:
    outage = facts.last_outage
    if outage is None or outage.until is None or now - outage.until > REMEMBERED:
        return
    text = _(
        "The database was away from %(since)s to %(until)s UTC (%(reason)s). Requests went on, and"
        " what happened is written."
    ) % {
        "since": f"{outage.since:%H:%M:%S}",
        "until": f"{outage.until:%H:%M:%S}",
        "reason": shown(outage.reason),
    }
    yield item("warning", text, reverse("admin:index"))


def item(level: Literal["danger", "warning"], text: str, url: str) -> Item:
    return {"level": level, "text": text, "url": url}


def to_requests(one: Item, **query: str | int) -> Item:
    """Leads also to those requests of the log."""
    return {**one, "requests": f"{reverse('admin:requests')}?{urlencode(query)}"}


def keys_url(**query: str | int) -> str:
    """The list of keys, filtered."""
    return list_url("apikey", **query)


def list_url(name: str, **query: str | int) -> str:
    url = reverse(f"admin:proxyapp_{name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url


def _unreadable(standing: Standing, facts: RuntimeFacts) -> Iterator[Item]:
    for group in standing.facts.groups:
        if not group.is_readable:
            text = _(
                "Group %(group)s is not used: SECRET_KEY does not open its proxy URL. Enter it"
                " again."
            ) % {"group": group.name}
            yield item("danger", text, reverse("admin:proxyapp_group_change", args=[group.id]))
    if unreadable := [key_id for key_id in facts.unreadable if key_id in standing.key_of]:
        ids = ",".join(map(str, unreadable[:MOST_IDS]))
        text = ngettext(
            "%(number)s key is not used: SECRET_KEY does not open them. Replace them, or add the"
            " old secret as a fallback.",
            "%(number)s keys are not used: SECRET_KEY does not open them. Replace them, or add the"
            " old secret as a fallback.",
            len(unreadable),
        )
        yield item("danger", counted(text, len(unreadable)), keys_url(id__in=ids))


def _without_a_key(standing: Standing) -> Iterator[Item]:
    """An empty group, or one that an operator has disabled, is no emergency."""
    found = [
        (group, count)
        for group, _, count in standing.spans()
        if not standing.by_group[group.id, AVAILABLE]
    ]
    for group, count in found[:MOST_OF_A_SORT]:
        is_wanted = count > standing.by_group[group.id, DISABLED]
        text = _without(standing, group) if count else _no_keys_yet(group)
        yield item("danger" if is_wanted else "warning", text, keys_url(group__id__exact=group.id))
    if len(found) > MOST_OF_A_SORT:
        more = len(found) - MOST_OF_A_SORT
        text = ngettext(
            "%(number)s more group has no available key.",
            "%(number)s more groups have no available key.",
            more,
        )
        yield item("danger", counted(text, more), list_url("group"))


def _no_keys_yet(group: GroupFacts) -> str:
    return _("Group %(group)s has no keys yet.") % {"group": group.name}


def _without(standing: Standing, group: GroupFacts) -> str:
    """With the numbers of its keys: `3 cooling, 1 invalid`."""
    counts = {code: standing.by_group[group.id, code] for code in (COOLING, DISABLED, INVALID)}
    parts = [_in_state(code, count) for code, count in counts.items() if count]
    return _("Group %(group)s has no available key: %(counts)s.") % {
        "group": group.name,
        "counts": ", ".join(parts),
    }


def _in_state(code: int, count: int) -> str:
    texts = {
        COOLING: _("%(count)d cooling"),
        DISABLED: _("%(count)d disabled"),
        INVALID: _("%(count)d invalid"),
    }
    return texts[code] % {"count": count}


def _no_key(hour: Iterable[Totals]) -> Iterator[Item]:
    if count := sum(minute.no_key for minute in hour):
        text = ngettext(
            "%(number)s request of the last hour found no available key.",
            "%(number)s requests of the last hour found no available key.",
            count,
        )
        one = item("danger", counted(text, count), keys_url())
        yield to_requests(one, outcome="no_key", since="1h")


def _exits(facts: RuntimeFacts) -> Iterator[Item]:
    for one in facts.exits[:MOST_OF_A_SORT]:
        text = _(
            "Exit %(exit)s of group %(group)s fails, and its keys let their turns pass: %(reason)s"
        ) % {"exit": one.exit, "group": one.group, "reason": one.reason}
        yield item("warning", text, reverse("admin:proxyapp_group_change", args=[one.group_id]))
    if len(facts.exits) > MOST_OF_A_SORT:
        more = len(facts.exits) - MOST_OF_A_SORT
        text = ngettext("%(number)s more exit fails.", "%(number)s more exits fail.", more)
        yield item("warning", counted(text, more), list_url("group"))


def _proxies(hour: Iterable[Totals]) -> Iterator[Item]:
    if count := sum(minute.proxy_failed for minute in hour):
        text = ngettext(
            "%(number)s request of the last hour failed at a group's proxy.",
            "%(number)s requests of the last hour failed at a group's proxy.",
            count,
        )
        one = item("warning", counted(text, count), list_url("group"))
        yield to_requests(one, outcome="upstream", since="1h")


def _invalid(standing: Standing) -> Iterator[Item]:
    if count := standing.count(INVALID):
        text = ngettext(
            "%(number)s key is invalid: the provider refused it.",
            "%(number)s keys are invalid: the provider refused them.",
            count,
        )
        yield item("warning", counted(text, count), keys_url(state=KeyState.INVALID))


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
    about = drying.at - (drying.at - EPOCH) % ROUNDED
    return _dry_text(is_dry=drying.at <= now, is_of_a_model=bool(drying.model)) % {
        "group": drying.group.name,
        "model": drying.model,
        "about": local_text(about),
        "back": local_text(drying.reset),
    }


def _dry_text(*, is_dry: bool, is_of_a_model: bool) -> str:
    if is_dry and is_of_a_model:
        return _(
            "Group %(group)s has used up its keys for %(model)s for today; the first is back at"
            " %(back)s."
        )
    if is_dry:
        return _("Group %(group)s has used up its keys for today; the first is back at %(back)s.")
    if is_of_a_model:
        return _(
            "At today's rate group %(group)s has no key left for %(model)s from about %(about)s;"
            " the first is back at %(back)s."
        )
    return _(
        "At today's rate group %(group)s has no key left from about %(about)s; the first is back at"
        " %(back)s."
    )


def counted(text: str, count: int) -> str:
    return text % {"number": f"{count:,}"}
