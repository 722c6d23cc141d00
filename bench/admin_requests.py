"""What Django takes for each page of the admin, as a Markdown table.

The pages are asked for with Django's test client; `fill` of `bench.admin_pages` has filled the
database.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

RUNS = 3
LIMIT_MS = 300
UNUSED_GROUP, IDLE_GROUP, RARE_MODEL = 7, 8, "gemini-rare"
AUDIT_ENTRIES, DAYS_OF_USAGE = 50_000, 100_000
TOKENS, TOKEN_DAYS = 5_000, 60


class Cost(NamedTuple):
    """Milliseconds: until the answer is there, and of this process's CPU (a server's is beside)."""

    wall: float
    cpu: float


def fill_rest(now: datetime) -> None:
    """The audit log, and the days that hours are added up into."""
    from proxyapp.models import ApiKey, AuditEntry, DailyUsage

    ids = list(ApiKey.objects.values_list("pk", flat=True))
    entries = (
        AuditEntry(
            at=now - timedelta(minutes=number),
            actor=f"operator {number % 5}",
            action=("change", "release", "disable", "enable", "add")[number % 5],
            object_type="key",
            object_id=str(ids[number % len(ids)]),
            label=f"AIza…{number % len(ids):04}",
        )
        for number in range(AUDIT_ENTRIES)
    )
    AuditEntry.objects.bulk_create(entries, batch_size=500)
    days = (
        DailyUsage(
            key_id=ids[number % len(ids)],
            day=_day(now, number // len(ids)),
            model="gemini-2.5-pro",
            requests=9,
        )
        for number in range(DAYS_OF_USAGE)
    )
    DailyUsage.objects.bulk_create(days, batch_size=500)
    _fill_tokens(now)


def _fill_tokens(now: datetime) -> None:
    from proxyapp.models import ClientToken, Group, TokenUsage

    ClientToken.objects.bulk_create(
        (
            ClientToken(name=f"client {n}", token_hash=f"{n:064}", masked=f"gk-…{n:04}")
            for n in range(TOKENS)
        ),
        batch_size=500,
    )
    limited = list(ClientToken.objects.order_by("pk")[: TOKENS // 2])
    ClientToken.objects.filter(pk__in=[token.pk for token in limited]).update(
        is_limited_to_groups=True
    )
    groups, through = list(Group.objects.all()), ClientToken.allowed_groups.through
    through.objects.bulk_create(
        through(clienttoken=token, group=groups[number % len(groups)])
        for number, token in enumerate(limited)
    )
    rows = (
        TokenUsage(token_id=pk, day=_day(now, ago - 90), model="gemini-2.5-pro", requests=9)
        for ago in range(TOKEN_DAYS)
        for pk in ClientToken.objects.values_list("pk", flat=True)
    )
    TokenUsage.objects.bulk_create(rows, batch_size=1000)


def _day(now: datetime, ago: int) -> date:
    return (now - timedelta(days=90 + ago)).date()


def addresses(now: datetime) -> dict[str, str]:
    return {
        "dashboard, its page": url_of("index"),
        **_of_keys_and_groups(),
        **_of_events(),
        **_of_usage(f"day={now.date().isoformat()}"),
        "rotation": url_of("proxyapp_rotationcursor_changelist"),
        **_of_tokens(),
        **_of_audit_log(),
        "import and export": url_of("import_config"),
    }


def url_of(name: str, *arguments: Any, query: str = "") -> str:
    from django.urls import reverse

    return reverse(f"admin:{name}", args=arguments) + (f"?{query}" if query else "")


def _of_keys_and_groups() -> dict[str, str]:
    key, group, keys = _key(), _group(), "proxyapp_apikey_changelist"
    of_group = f"state=available&group__id__exact={group}"
    queries = {
        "cooling": "state=cooling",
        "available": "state=available",
        "disabled": "state=disabled",
        "available, of a group": of_group,
        "of a project": "project=p77",
        "used today": "used=1d",
        "never used": "used=never",
        "searched": "q=AIza",
        "searched in vain": "q=nothing",
        "page 50": "p=50",
        "page 500": "p=500",
        **{f"sorted by column {column}": f"o=-{column}" for column in range(1, 11)},
    }
    return {
        "keys": url_of(keys),
        **{f"keys, {name}": url_of(keys, query=query) for name, query in queries.items()},
        "a key": url_of("proxyapp_apikey_change", key),
        "a key, its history": url_of("proxyapp_apikey_history", key),
        "a key, to be deleted": url_of("proxyapp_apikey_delete", key),
        "a new key": url_of("proxyapp_apikey_add"),
        "new keys in bulk": url_of("proxyapp_apikey_bulk_add"),
        "groups": url_of("proxyapp_group_changelist"),
        "groups, searched": url_of("proxyapp_group_changelist", query="q=group"),
        "a group, never used": url_of("proxyapp_group_change", _group(UNUSED_GROUP)),
        "a group": url_of("proxyapp_group_change", group),
        "a group, to be deleted": url_of("proxyapp_group_delete", group),
        "a group, its YAML": url_of("proxyapp_group_yaml", group),
        "a new group": url_of("proxyapp_group_add"),
    }


def _of_events() -> dict[str, str]:
    from proxyapp.models import RateLimitEvent

    event, events = RateLimitEvent.objects.all()[7], "proxyapp_ratelimitevent_changelist"
    return {
        "events": url_of(events),
        "events, active": url_of(events, query="cooldown=active"),
        "events, of a kind": url_of(events, query="kind=daily"),
        "events, of a group": url_of(events, query=f"key__group__id__exact={_group()}"),
        "events, of a model": url_of(events, query="model=gemini-2.5-pro"),
        "events, of a key": url_of(events, query=f"key={_key()}"),
        "events, of an unknown model": url_of(events, query="model=none"),
        "events, of a rare kind": url_of(events, query="kind=spending"),
        "events, released": url_of(events, query="cooldown=released"),
        "events, of a project": url_of(events, query="project=p77"),
        "events, of a group, of a kind": url_of(
            events, query=f"key__group__id__exact={_group()}&kind=server"
        ),
        "events, sorted by kind": url_of(events, query="o=2"),
        "events, sorted by group": url_of(events, query="o=4"),
        "events, searched": url_of(events, query="q=gemini"),
        "events, searched in vain": url_of(events, query="q=nothing"),
        "events, page 100": url_of(events, query="p=100"),
        "an event": url_of("proxyapp_ratelimitevent_change", event.pk),
    }


def _of_usage(day: str) -> dict[str, str]:
    """`day`: the query for it."""
    hours, days = "proxyapp_hourlyusage_changelist", "proxyapp_dailyusage_changelist"
    of_group = f"group={_group()}"
    return {
        "usage by hour": url_of(hours),
        "usage by hour, today": url_of(hours, query=day),
        "usage by hour, of a group": url_of(hours, query=of_group),
        "usage by hour, of a group, today": url_of(hours, query=f"{of_group}&{day}"),
        "usage by hour, of a model": url_of(hours, query="model=gemini-2.5-pro"),
        "usage by hour, of a rare model": url_of(hours, query=f"model={RARE_MODEL}"),
        "usage by hour, of an unknown model": url_of(hours, query="model=none"),
        "usage by hour, of a group and a rare model": url_of(
            hours, query=f"{of_group}&model={RARE_MODEL}"
        ),
        "usage by hour, of an unused group": url_of(hours, query=f"group={_group(UNUSED_GROUP)}"),
        "usage by hour, of an idle group": url_of(hours, query=f"group={_group(IDLE_GROUP)}"),
        "usage by hour, of an idle group, today": url_of(
            hours, query=f"group={_group(IDLE_GROUP)}&{day}"
        ),
        "usage by hour, sorted by requests": url_of(hours, query="o=-4"),
        "usage by hour, of a group, sorted by requests": url_of(hours, query=f"{of_group}&o=-4"),
        "usage by hour, of a key": url_of(hours, query=f"key={_key()}"),
        "usage by hour, searched": url_of(hours, query="q=AIza"),
        "usage by hour, searched in vain": url_of(hours, query="q=nothing"),
        "usage by hour, page 500": url_of(hours, query="p=500"),
        "usage by day": url_of(days),
        "usage by day, of a group": url_of(days, query=of_group),
    }


def _of_tokens() -> dict[str, str]:
    from proxyapp.models import ClientToken

    token, tokens = ClientToken.objects.all()[7], "proxyapp_clienttoken_changelist"
    return {
        "client tokens": url_of(tokens),
        "client tokens, active": url_of(tokens, query="state=active"),
        "client tokens, of a group": url_of(tokens, query=f"group={_group()}"),
        "client tokens, searched": url_of(tokens, query="q=client"),
        "a client token": url_of("proxyapp_clienttoken_change", token.pk),
        "a new client token": url_of("proxyapp_clienttoken_add"),
    }


def _of_audit_log() -> dict[str, str]:
    audit = "proxyapp_auditentry_changelist"
    return {
        "audit log": url_of(audit),
        "audit log, of an action": url_of(audit, query="action=release"),
        "audit log, searched": url_of(audit, query="q=AIza"),
    }


def _key() -> int:
    from proxyapp.models import ApiKey

    return ApiKey.objects.order_by("pk").values_list("pk", flat=True)[5000]


def _group(number: int = 3) -> int:
    from proxyapp.models import Group

    return Group.objects.values_list("pk", flat=True)[number]


def requests() -> dict[str, Cost]:
    """The best of RUNS."""
    client = operator_client()
    found = {name: best_answer(client, url) for name, url in addresses(datetime.now(UTC)).items()}
    for action in ("delete_selected", "disable_keys"):
        chosen = {"action": action, "index": "0", "select_across": "1", "_selected_action": "1"}
        url = url_of("proxyapp_apikey_changelist")
        found[f"all keys, the question of {action}"] = best_answer(client, url, chosen)
    return found


def operator_client() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("bench"))
    return client


def best_answer(client: Any, url: str, posted: dict[str, str] | None = None) -> Cost:
    def ask() -> None:
        response = client.post(url, posted) if posted else client.get(url)
        if response.status_code != 200:
            sys.exit(f"{url} answers {response.status_code}")

    return best_of(ask)


def best_of(work: Callable[[], object]) -> Cost:
    costs = []
    for _ in range(RUNS):
        since, used = time.perf_counter(), time.process_time()
        work()
        costs.append(
            Cost((time.perf_counter() - since) * 1000, (time.process_time() - used) * 1000)
        )
    return Cost(*map(min, zip(*costs, strict=True)))


def table(costs: dict[str, Cost]) -> str:
    lines = [f"| {name} | {_ms(cost.wall)} | {_ms(cost.cpu)} |" for name, cost in costs.items()]
    return "\n".join(["| page | ms | of them CPU |", "|---|--:|--:|", *lines])


def _ms(milliseconds: float) -> str:
    mark = "**" * (milliseconds > LIMIT_MS)
    return f"{mark}{milliseconds:.0f}{mark}"
