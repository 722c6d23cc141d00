"""What Django takes for each page of the admin, asked for with its test client, and printed as
Markdown.

`fill` of `bench.admin_pages` has filled the database.
"""

import sys
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

RUNS = 3
LIMIT_MS = 300
AUDIT_ENTRIES, DAYS_OF_USAGE = 50_000, 100_000


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


def _day(now: datetime, ago: int) -> date:
    return (now - timedelta(days=90 + ago)).date()


def addresses(now: datetime) -> dict[str, str]:
    from django.urls import reverse

    from proxyapp.models import ApiKey, Group, RateLimitEvent

    key, group, event = (
        ApiKey.objects.order_by("pk")[5000],
        Group.objects.all()[3],
        RateLimitEvent.objects.all()[7],
    )

    def url(name: str, *arguments: Any, query: str = "") -> str:
        return reverse(f"admin:{name}", args=arguments) + (f"?{query}" if query else "")

    keys, events, usage, audit = (
        f"proxyapp_{model}_changelist"
        for model in ("apikey", "ratelimitevent", "hourlyusage", "auditentry")
    )
    day = f"day={now.date().isoformat()}"
    return {
        "dashboard, its page": url("index"),
        "keys": url(keys),
        "keys, cooling": url(keys, query="state=cooling"),
        "keys, available, of a group": url(
            keys, query=f"state=available&group__id__exact={group.pk}"
        ),
        "keys, searched": url(keys, query="q=AIza"),
        "keys, page 50": url(keys, query="p=50"),
        "a key": url("proxyapp_apikey_change", key.pk),
        "groups": url("proxyapp_group_changelist"),
        "a group": url("proxyapp_group_change", group.pk),
        "events": url(events),
        "events, active": url(events, query="cooldown=active"),
        "events, of a kind": url(events, query="kind=daily"),
        "events, of a group": url(events, query=f"key__group__id__exact={group.pk}"),
        "events, of a model": url(events, query="model=gemini-2.5-pro"),
        "events, of a key": url(events, query=f"key={key.pk}"),
        "events, searched": url(events, query="q=gemini"),
        "events, searched in vain": url(events, query="q=nothing"),
        "events, page 100": url(events, query="p=100"),
        "an event": url("proxyapp_ratelimitevent_change", event.pk),
        "usage by hour": url(usage),
        "usage by hour, today": url(usage, query=day),
        "usage by hour, of a group": url(usage, query=f"group={group.pk}"),
        "usage by hour, of a group, today": url(usage, query=f"group={group.pk}&{day}"),
        "usage by hour, of a model": url(usage, query="model=gemini-2.5-pro"),
        "usage by hour, of a key": url(usage, query=f"key={key.pk}"),
        "usage by hour, searched": url(usage, query="q=AIza"),
        "usage by hour, searched in vain": url(usage, query="q=nothing"),
        "usage by hour, page 500": url(usage, query="p=500"),
        "usage by day": url("proxyapp_dailyusage_changelist"),
        "usage by day, of a group": url(
            "proxyapp_dailyusage_changelist", query=f"group={group.pk}"
        ),
        "rotation": url("proxyapp_rotationcursor_changelist"),
        "audit log": url(audit),
        "audit log, of an action": url(audit, query="action=release"),
        "audit log, searched": url(audit, query="q=AIza"),
        "import and export": url("import_config"),
    }


def requests() -> dict[str, float]:
    """The best of RUNS, in milliseconds."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("bench"))
    return {name: _best(client, url) for name, url in addresses(datetime.now(UTC)).items()}


def _best(client: Any, url: str) -> float:
    times = []
    for _ in range(RUNS):
        since = time.perf_counter()
        response = client.get(url)
        times.append((time.perf_counter() - since) * 1000)
        if response.status_code != 200:
            sys.exit(f"{url} answers {response.status_code}")
    return min(times)


def table(times: dict[str, float]) -> str:
    lines = [
        f"| {name} | {'**' * (ms > LIMIT_MS)}{ms:.0f}{'**' * (ms > LIMIT_MS)} |"
        for name, ms in times.items()
    ]
    return "\n".join(["| page | ms |", "|---|--:|", *lines])
