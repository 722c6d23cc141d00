"""What the admin's dashboard shows, as JSON.

Thirteen queries, however many keys and tokens there are.
"""

import heapq
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from proxyapp.models import ApiKey, ModelHour, RateLimitEvent
from proxyapp.operators.attention import attention, keys_url, this_process
from proxyapp.operators.charts import HOUR, Remembered, Traffic, charts, figures, has_traffic
from proxyapp.operators.shown_words import kind_word
from proxyapp.operators.standing import (
    AVAILABLE,
    CODES,
    CooldownFacts,
    Owner,
    PoolFacts,
    Standing,
    end_text,
    read_facts,
)
from proxyapp.operators.token_attention import of_clients
from proxyapp.operators.token_standing import ClientFacts, read_clients
from proxyapp.pool.store import pool_version
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.times import iso_utc

# The labels of more keys would be most of the message, and are not readable on so small cells.
MOST_LABELS = 500
# Lines of a card; the others are added up in one.
MOST_MODELS = 8
# Lines of a card.
LATEST = 10
# Sums of many rows are not made anew for each request that is counted.
MODELS_SECONDS = 15.0
CLIENTS_SECONDS = 15.0
# They are read anew when the pool's version moves; this is for what moves no version.
FACTS_SECONDS = 60.0
OTHER = gettext_noop("other")
Release = tuple[Owner, CooldownFacts]


def snapshot(now: datetime) -> dict[str, Any]:
    """Everything, from the database. Who asks again and again keeps a Dashboard."""
    return Dashboard().snapshot(now)


class Dashboard:
    """Remembers between two snapshots what has not changed, and what costs much.

    Belongs to one thread.
    """

    def __init__(self) -> None:
        self._facts = Remembered(read_facts, FACTS_SECONDS)
        self._traffic = Traffic()
        self._models = Remembered(tokens_by_model, MODELS_SECONDS)
        self._clients = Remembered(read_clients, CLIENTS_SECONDS)
        self._standing: Standing | None = None
        self._labels: dict[int, str] = {}
        self._labels_version = -1

    def next_end(self) -> float:
        """When time alone will change the last snapshot's keys, in seconds since the epoch."""
        return self._standing.next_end if self._standing else 0.0

    def snapshot(self, now: datetime) -> dict[str, Any]:
        before, standing = self._standing, self._stand(now)
        self._standing = standing
        is_same_pool = before is not None and before.facts is standing.facts
        clients = self._clients.at(now) if is_same_pool else self._clients.read(now)
        day, week = self._traffic.day(now), self._traffic.week(now)
        releases, events = _first_releases(standing), _latest_events()
        is_small = len(standing.facts.keys) <= MOST_LABELS
        labels = self._labels_of(standing.facts, None if is_small else _named(releases, events))
        return {
            "type": "dashboard",
            "at": iso_utc(now),
            "cards": {**_states(standing), **figures(day, now)},
            "chart": charts(day, week, now),
            "tokens_by_model": self._models.at(now),
            "keys": standing.rows,
            "groups": [
                {"id": group.id, "name": group.name, "from": first, "count": count}
                for group, first, count in standing.spans()
            ],
            "labels": {str(pk): label for pk, label in labels.items()} if is_small else {},
            "attention": [
                *attention(standing, day[-HOUR:], this_process(), now),
                *of_clients(clients, now),
            ],
            "clients": _clients(clients),
            "releases": [_release(labels, *release) for release in releases],
            "events": [_event(event, labels.get(event["key_id"])) for event in events],
            "is_empty": not standing.facts.keys,
            "has_traffic": has_traffic(day, week),
        }

    def _stand(self, now: datetime) -> Standing:
        """The one of before, until the pool's version moves or a cooldown ends."""
        facts = self._facts.kept(now)
        if facts is None or facts.version != pool_version():
            facts = self._facts.read(now)
        before = self._standing
        is_same = before is not None and before.facts is facts and before.now <= now
        return (
            before
            if before and is_same and now.timestamp() < before.next_end
            else Standing(facts, now)
        )

    def _labels_of(self, facts: PoolFacts, key_ids: Collection[int] | None) -> dict[int, str]:
        """None: of all. Those that are known hold as long as the facts."""
        if self._labels_version != facts.version:
            self._labels, self._labels_version = {}, facts.version
        keys = ApiKey.objects.only("name", "masked").order_by()
        if key_ids is None:
            missing = keys if len(self._labels) < len(facts.keys) else keys.none()
        else:
            missing = keys.filter(pk__in=set(key_ids).difference(self._labels))
        self._labels |= {key.pk: str(key) for key in missing}
        return self._labels


def _states(standing: Standing) -> dict[str, int]:
    return {
        **{state.value: standing.count(code) for state, code in CODES.items()},
        "models_out": sum(out > 0 for _, code, _, out in standing.rows if code == AVAILABLE),
    }


def _named(releases: Sequence[Release], events: Sequence[Mapping[str, Any]]) -> set[int]:
    owners = {owner for owner, _ in releases if isinstance(owner, int)}
    return owners | {event["key_id"] for event in events}


def _first_releases(standing: Standing) -> list[Release]:
    held = (
        (owner, cooldown)
        for (owner, _), cooldown in standing.held.items()
        if standing.active_of(owner)
    )
    return heapq.nsmallest(LATEST, held, key=lambda item: item[1].until)


def _release(labels: Mapping[int, str], owner: Owner, cooldown: CooldownFacts) -> dict[str, Any]:
    """`key` is the project's name for a cooldown of all its keys."""
    if isinstance(owner, str):
        key, url = _("project %(name)s") % {"name": owner}, keys_url(project=owner)
    else:
        key, url = (
            labels.get(owner) or _("key %(id)d") % {"id": owner},
            reverse("admin:proxyapp_apikey_change", args=[owner]),
        )
    return {
        "key": key,
        "key_url": url,
        "model": cooldown.model or None,
        "kind": kind_word(cooldown.kind),
        "until": end_text(cooldown.until),
    }


def _latest_events() -> list[dict[str, Any]]:
    """A join with the keys would have SQLite look through all of them."""
    columns = (
        "id",
        "key_id",
        "occurred_at",
        "project",
        "model",
        "kind",
        "cooling_until",
        "http_status",
    )
    events = RateLimitEvent.objects.order_by("-occurred_at", "-id").values(*columns)
    return list(events[:LATEST])


def _event(event: Mapping[str, Any], label: str | None) -> dict[str, Any]:
    """`until` None: it imposed no cooldown, as that of a dead key. `status`: HTTP's."""
    at, until = event["occurred_at"], event["cooling_until"]
    return {
        "id": event["id"],
        "url": reverse("admin:proxyapp_ratelimitevent_change", args=[event["id"]]),
        "at": iso_utc(at),
        "key": label or _("key %(id)d") % {"id": event["key_id"]},
        "project": event["project"],
        "model": event["model"],
        "kind": kind_word(event["kind"]),
        "until": end_text(until) if until > at else None,
        "status": event["http_status"],
    }


def _clients(facts: ClientFacts) -> dict[str, Any]:
    """`top`: whose tokens asked most today, in UTC."""
    top = [
        {
            "name": row["name"],
            "url": reverse("admin:proxyapp_clienttoken_change", args=[row["token_id"]]),
            "requests": row["sent"],
            "refused": row["held"],
            "tokens": row["tokens"],
        }
        for row in facts.top
    ]
    return {"total": facts.total, "active": facts.active, "top": top}


def tokens_by_model(now: datetime) -> list[dict[str, Any]]:
    """Of the hours of the last day, the largest first; what is left over is `other`."""
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    rows = ModelHour.objects.filter(hour__gte=since).order_by().values("model")
    sums = rows.annotate(prompt=Sum("prompt_tokens"), output=Sum("output_tokens"))
    counted = (row for row in sums if row["prompt"] or row["output"])
    ordered = sorted(counted, key=lambda row: (-row["prompt"] - row["output"], row["model"]))
    shown = [{**row, "model": row["model"] or _("no model")} for row in ordered[:MOST_MODELS]]
    rest = ordered[MOST_MODELS:]
    if not rest:
        return shown
    return [
        *shown,
        {
            "model": _(OTHER),
            **{name: sum(row[name] for row in rest) for name in ("prompt", "output")},
        },
    ]
