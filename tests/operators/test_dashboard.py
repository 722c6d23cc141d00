"""What the admin's dashboard shows."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from proxyapp import runtime
from proxyapp.access import token_store
from proxyapp.database.outage import Outage
from proxyapp.models import ApiKey, ClientToken, Group, MinuteUsage, audit
from proxyapp.operators import attention
from proxyapp.operators.charts import SERIES
from proxyapp.operators.dashboard import Dashboard, snapshot
from proxyapp.operators.key_actions import set_status
from proxyapp.operators.running_dry import dry_at, pacific_midnight
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.admin_pages import cells, page, superuser
from tests.support.client_tokens import add_token, use_token
from tests.support.pool_data import NOW, add_group, add_key, condemn, cool, secret, use
from tests.support.staff import staff

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=3, minutes=12)  # 07:00 UTC
FLASH = "gemini-2.5-flash"
PRO = "gemini-2.5-pro"


def minute(ago: int, **counts: int) -> MinuteUsage:
    return MinuteUsage.objects.create(minute=NOW - timedelta(minutes=ago), **counts)


def texts(now: datetime = NOW) -> list[str]:
    return [item["text"] for item in snapshot(now)["attention"]]


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def states(of: dict[str, Any]) -> list[list[int]]:
    return [row[1:] for row in of["keys"]]


# An empty gateway.


def test_without_a_key_the_dashboard_says_that_it_is_empty():
    shown = snapshot(NOW)

    assert (shown["is_empty"], shown["has_traffic"], shown["attention"]) == (True, False, [])
    assert shown["cards"] == {
        "available": 0,
        "cooling": 0,
        "disabled": 0,
        "invalid": 0,
        "models_out": 0,
        "requests_per_minute": 0.0,
        "success_rate": None,
        "rate_limited_today": 0,
        "tokens_today": {"prompt": 0, "output": 0},
        "p50_ms": None,
        "p95_ms": None,
    }
    assert (shown["type"], shown["at"]) == ("dashboard", "2026-11-24T03:48:00Z")


# Keys.


def test_every_key_has_its_state_in_the_order_of_rotation():
    second, first = add_group("second", position=2), add_group("first", position=1)
    disabled = add_key(second, "d", status="disabled", position=0)
    invalid = add_key(second, "i", position=1)
    condemn(invalid)
    cooling, available = add_key(first, "c"), add_key(first, "a")
    cool(cooling, LATER)

    shown = snapshot(NOW)

    assert shown["keys"] == [
        [cooling.pk, 1, epoch(LATER), 0],
        [available.pk, 0, 0, 0],
        [disabled.pk, 2, 0, 0],
        [invalid.pk, 3, 0, 0],
    ]
    assert shown["groups"] == [
        {"id": first.pk, "name": "first", "from": 0, "count": 2},
        {"id": second.pk, "name": "second", "from": 2, "count": 2},
    ]
    counts = {
        name: shown["cards"][name] for name in ("available", "cooling", "disabled", "invalid")
    }
    assert counts == {"available": 1, "cooling": 1, "disabled": 1, "invalid": 1}


def test_an_empty_group_has_its_place_between_the_others():
    for name in ("one", "none", "two"):
        add_group(name)
    for name in ("one", "two"):
        add_key(Group.objects.get(name=name), name)

    assert [
        (group["name"], group["from"], group["count"]) for group in snapshot(NOW)["groups"]
    ] == [("one", 0, 1), ("none", 1, 0), ("two", 1, 1)]


def test_a_key_that_is_out_for_models_is_available_and_counted():
    key = add_key(add_group(), "a")
    add_key(key.group, "b")
    for model in (FLASH, PRO, FLASH):
        cool(key, LATER, model=model)

    shown = snapshot(NOW)

    assert states(shown) == [[0, 0, 2], [0, 0, 0]]
    assert (shown["cards"]["available"], shown["cards"]["models_out"]) == (2, 1)


def test_a_projects_cooldown_holds_all_of_its_keys():
    group = add_group()
    first, _, _ = (
        add_key(group, label, project=project)
        for label, project in [("a", "p"), ("b", "p"), ("c", "")]
    )
    cool(first, LATER, project="p")
    cool(first, LATER, project="p", model=PRO)

    assert states(snapshot(NOW)) == [[1, epoch(LATER), 1], [1, epoch(LATER), 1], [0, 0, 0]]


def test_a_cooldown_that_is_over_or_released_holds_nothing():
    key = add_key(add_group(), "a")
    cool(key, NOW)
    cool(key, LATER, released_at=NOW)

    assert states(snapshot(NOW)) == [[0, 0, 0]]


@pytest.mark.parametrize(("count", "has_labels"), [(500, True), (501, False)])
def test_labels_are_sent_only_for_a_pool_that_fits_on_the_page(count: int, has_labels: bool):
    group = add_group()
    made = [
        ApiKey(group=group, name="n", masked="AIza…x9Qk", key_hash=str(number))
        for number in range(count)
    ]
    key = ApiKey.objects.bulk_create(made)[0]

    labels = snapshot(NOW)["labels"]

    assert len(labels) == (count if has_labels else 0)
    assert labels.get(str(key.pk)) == ("n (AIza…x9Qk)" if has_labels else None)


# Traffic.


def test_the_cards_count_their_spans():
    minute(0, answered=3, answered_well=3, latency_3=3, rate_limited=1, prompt_tokens=7)
    minute(4, answered=5, answered_well=2, latency_5=2)
    minute(59, answered=2, answered_well=0)
    minute(60, answered=90, answered_well=90, latency_0=90)
    # The first minute of the day.
    minute(3 * 60 + 48, rate_limited=4, prompt_tokens=10, output_tokens=5)
    minute(3 * 60 + 49, rate_limited=50, prompt_tokens=99)

    cards = snapshot(NOW + timedelta(seconds=30))["cards"]

    assert cards["requests_per_minute"] == round(8 / 4.5, 1)
    assert cards["success_rate"] == 0.5
    assert cards["rate_limited_today"] == 5
    assert cards["tokens_today"] == {"prompt": 17, "output": 5}
    assert 100 < cards["p50_ms"] < 200 < cards["p95_ms"] < 500


def test_the_card_of_tokens_says_what_was_cached_or_thought_where_something_was():
    minute(0, prompt_tokens=7, output_tokens=5, cached_tokens=4, thought_tokens=3)

    tokens = snapshot(NOW)["cards"]["tokens_today"]

    assert tokens == {"prompt": 7, "output": 5, "cached": 4, "thoughts": 3}


def test_the_charts_have_a_point_for_each_span_and_lose_nothing():
    ago = {"1h": [0, 7, 59], "24h": [0, 8, 9, 23 * 60 + 58], "7d": [0, 49, 7 * 24 * 60 - 12]}
    for minutes in sorted({minutes for spans in ago.values() for minutes in spans}):
        minute(minutes, **{name: number for number, name in enumerate(SERIES, start=1)})

    chart = snapshot(NOW)["chart"]

    assert {name: len(series["labels"]) for name, series in chart.items()} == {
        "1h": 60,
        "24h": 144,
        "7d": 168,
    }
    ends = {name: (series["labels"][0], series["labels"][-1]) for name, series in chart.items()}
    assert ends == {
        "1h": ("2026-11-24T02:49:00Z", "2026-11-24T03:48:00Z"),
        "24h": ("2026-11-23T03:50:00Z", "2026-11-24T03:40:00Z"),
        "7d": ("2026-11-17T04:00:00Z", "2026-11-24T03:00:00Z"),
    }
    # 0, 7, 8, 9, 49 and 59.
    assert [sum(chart["1h"][name]) for name in SERIES] == [6 * n for n in (1, 2, 3, 4, 5)]
    assert sum(chart["24h"]["succeeded"]) == 7
    assert chart["24h"]["succeeded"][-2:] == [1, 3]  # 03:39, then 03:40, 03:41 and 03:48
    assert sum(chart["7d"]["succeeded"]) == 8
    assert chart["7d"]["succeeded"][0] == 1
    assert all(isinstance(value, int) for value in chart["7d"]["cancelled"])


def test_tokens_are_counted_by_model_and_the_small_ones_together():
    key = add_key(add_group(), "a")
    for number in range(10):
        use(key, NOW, f"m{number}", prompt_tokens=number, output_tokens=10 * number)
    use(key, NOW - timedelta(hours=23), "m9", prompt_tokens=100)
    use(key, NOW - timedelta(hours=24), "m8", prompt_tokens=10_000)

    by_model = snapshot(NOW)["tokens_by_model"]

    assert by_model[0] == {"model": "m9", "prompt": 109, "output": 90}
    assert [row["model"] for row in by_model] == [
        "m9",
        "m8",
        "m7",
        "m6",
        "m5",
        "m4",
        "m3",
        "m2",
        "other",
    ]
    assert by_model[-1] == {"model": "other", "prompt": 1, "output": 10}


def test_a_gateway_that_was_used_this_week_has_traffic():
    minute(6 * 24 * 60, upstream_errors=1)

    assert snapshot(NOW)["has_traffic"]


# Releases and events.


def test_the_next_releases_come_in_order_and_a_projects_once():
    group = add_group()
    keys = [add_key(group, str(number), project="p" if number < 2 else "") for number in range(13)]
    cool(keys[0], LATER, project="p", kind="day", model=PRO)
    cool(keys[1], LATER, project="p", kind="day", model=PRO)
    for number, key in enumerate(keys[2:]):
        cool(key, LATER + timedelta(minutes=number + 1))
    cool(add_key(group, "off", status="disabled"), NOW + timedelta(seconds=1))

    releases = snapshot(NOW)["releases"]

    assert releases[0] == {
        "key": "project p",
        "key_url": "/admin/proxyapp/apikey/?project=p",
        "model": PRO,
        "kind": "day limit",
        "until": "2026-11-24T07:00:00Z",
    }
    assert [release["key"] for release in releases[1:]] == [str(key) for key in keys[2:11]]
    assert releases[1]["key_url"] == f"/admin/proxyapp/apikey/{keys[2].pk}/change/"
    assert releases[1]["model"] is None


def test_the_last_events_come_first_and_that_of_a_dead_key_has_no_end():
    key = add_key(add_group(), "a", name="alpha")
    for number in range(10):
        cool(key, LATER + timedelta(minutes=number), kind="minute", model=FLASH, project="p")
    dead = condemn(key)

    first, second, *_ = events = snapshot(NOW)["events"]

    assert len(events) == 10
    assert first == {
        "id": dead.pk,
        "url": f"/admin/proxyapp/ratelimitevent/{dead.pk}/change/",
        "at": "2026-11-24T03:48:00Z",
        "key": f"alpha ({key.masked})",
        "project": "",
        "model": "",
        "kind": "dead key",
        "until": None,
        "status": 429,
    }
    assert (second["kind"], second["until"], second["project"]) == (
        "minute limit",
        "2026-11-24T07:09:00Z",
        "p",
    )


# What to see to.


def test_all_is_well_with_a_key_in_each_group():
    add_key(add_group(), "a")
    minute(5, answered=100, answered_well=90, rate_limited=10)

    assert texts() == []


def test_invalid_keys_are_counted_and_the_link_lists_them():
    now = timezone.now()
    group = add_group()
    add_key(group, "fine")
    for label in ("x", "y"):
        condemn(add_key(group, label, name=label))

    (item,) = snapshot(now)["attention"]

    assert item["text"] == "2 keys are invalid: the provider refused them."
    assert (item["level"], item["url"]) == ("warning", "/admin/proxyapp/apikey/?state=invalid")
    listed = cells(page(superuser(), "proxyapp_apikey_changelist", state="invalid"), "label")
    assert [label[0] for label in listed] == ["x", "y"]


def test_a_group_without_an_available_key_comes_first_and_says_why():
    group = add_group("east")
    cool(add_key(group, "c"), LATER)
    add_key(group, "d", status="disabled")
    condemn(add_key(group, "i"))

    urgent, *others = snapshot(NOW)["attention"]

    assert urgent == {
        "level": "danger",
        "text": "Group east has no available key: 1 cooling, 1 disabled, 1 invalid.",
        "url": f"/admin/proxyapp/apikey/?group__id__exact={group.pk}",
    }
    assert [item["level"] for item in others] == ["warning"]


def test_a_group_that_an_operator_emptied_or_disabled_is_no_emergency():
    add_group("new")
    add_key(add_group("off"), "a", status="disabled")

    assert [(item["level"], item["text"]) for item in snapshot(NOW)["attention"]] == [
        ("warning", "Group new has no keys yet."),
        ("warning", "Group off has no available key: 1 disabled."),
    ]


def test_of_many_groups_without_a_key_the_first_are_named():
    for number in range(8):
        add_group(f"g{number}")

    assert texts()[-1] == "Group g4 has no keys yet."
    assert texts()[0] == "3 more groups have no available key."


def test_requests_without_a_key_and_failures_of_proxies_are_those_of_the_last_hour():
    minute(59, no_key=1, proxy_failed=2)
    minute(60, no_key=50, proxy_failed=50)

    assert [(item["level"], item["text"], item["url"]) for item in snapshot(NOW)["attention"]] == [
        ("danger", "1 request of the last hour found no available key.", "/admin/proxyapp/apikey/"),
        (
            "warning",
            "2 requests of the last hour failed at a group's proxy.",
            "/admin/proxyapp/group/",
        ),
    ]
    assert [item["requests"] for item in snapshot(NOW)["attention"]] == [
        "/admin/requests/?outcome=no_key&since=1h",
        "/admin/requests/?outcome=upstream&since=1h",
    ]


def process(
    *,
    keys: Sequence[Any] = (),
    is_away: bool = False,
    last_outage: Outage | None = None,
    spooled: int = 0,
    problems: Sequence[str] = (),
) -> SimpleNamespace:
    """As much of a runtime as is looked at."""
    pool = SimpleNamespace(keys={key.id: key for key in keys})
    threads = SimpleNamespace(is_away=is_away, last_outage=last_outage)
    writing = SimpleNamespace(waiting=spooled, problems=problems)
    return SimpleNamespace(snapshot=pool, threads=threads, writing=writing)


def test_keys_that_secret_key_does_not_open_are_counted_and_the_link_lists_them(
    monkeypatch: pytest.MonkeyPatch,
):
    now = timezone.now()
    group = add_group()
    fine, unreadable = (add_key(group, label, name=label) for label in "ab")
    loaded = [
        SimpleNamespace(id=fine.pk, is_readable=True),
        SimpleNamespace(id=unreadable.pk, is_readable=False),
        SimpleNamespace(id=unreadable.pk + 1, is_readable=False),  # gone since
    ]
    monkeypatch.setattr(runtime, "current", lambda: process(keys=loaded))

    (item,) = snapshot(now)["attention"]

    assert item["text"].startswith("1 key is not used: SECRET_KEY does not open them.")
    assert (item["level"], item["url"]) == (
        "danger",
        f"/admin/proxyapp/apikey/?id__in={unreadable.pk}",
    )
    listed = cells(
        page(superuser(), "proxyapp_apikey_changelist", id__in=str(unreadable.pk)), "label"
    )
    assert [label[0] for label in listed] == ["b"]


def test_a_group_whose_proxy_secret_key_does_not_open_is_named():
    group = add_group("unreadable")
    add_key(group, "a")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Group._meta.db_table} SET proxy_url = 'of another secret'")

    (item,) = snapshot(NOW)["attention"]

    assert item["text"].startswith(
        "Group unreadable is not used: SECRET_KEY does not open its proxy URL."
    )
    assert (item["level"], item["url"]) == ("danger", f"/admin/proxyapp/group/{group.pk}/change/")


def test_a_database_that_takes_no_writes_is_said_first(monkeypatch: pytest.MonkeyPatch):
    minute(1, no_key=1)
    monkeypatch.setattr(runtime, "current", lambda: process(is_away=True))

    assert snapshot(NOW)["attention"][0] == attention.database_away_item()


def test_an_outage_is_told_for_an_hour_after_its_end(monkeypatch: pytest.MonkeyPatch):
    outage = Outage(
        NOW - timedelta(seconds=90), "its disk is full", until=NOW - timedelta(seconds=60)
    )
    monkeypatch.setattr(runtime, "current", lambda: process(last_outage=outage))

    assert texts() == [
        "The database was away from 03:46:30 to 03:47:00 UTC (its disk is full). "
        "Requests went on, and what happened is written."
    ]
    assert texts(NOW + timedelta(hours=1)) == []


def test_what_waits_in_the_spool_and_what_cannot_be_read_there_is_told(
    monkeypatch: pytest.MonkeyPatch,
):
    bad = "the spool has files that cannot be read: 7-kept.bad"
    monkeypatch.setattr(runtime, "current", lambda: process(spooled=2, problems=[bad]))

    assert texts() == [
        "The spool has files that cannot be read: 7-kept.bad.",
        "2 records wait in the spool to be written to the database.",
    ]


# Pools that run dry.

SINCE = NOW.replace(hour=8, minute=0)
NOON = SINCE + timedelta(hours=4)
RESET = SINCE + timedelta(hours=24)


@pytest.mark.parametrize(
    ("used_up", "left", "hours"),
    [(2, 3, 6), (4, 4, 4), (1, 5, None), (1, 4, 16), (3, 0, 0), (0, 4, None)],
)
def test_the_time_follows_from_the_rate_so_far(used_up: int, left: int, hours: int | None):
    at = dry_at(used_up=used_up, left=left, since=SINCE, now=NOON, reset=RESET)

    assert at == (None if hours is None else NOON + timedelta(hours=hours))


def test_the_first_minutes_of_a_day_make_no_rate():
    now = SINCE + timedelta(minutes=1)

    assert dry_at(used_up=1, left=30, since=SINCE, now=now, reset=RESET) is None
    assert dry_at(used_up=1, left=3, since=SINCE, now=now, reset=RESET) == now + timedelta(hours=3)


def test_the_day_begins_at_midnight_in_the_pacific_zone():
    assert pacific_midnight(NOW).astimezone(UTC) == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert pacific_midnight(NOW.replace(month=7, hour=7)).astimezone(UTC) == datetime(
        2026, 7, 24, 7, tzinfo=UTC
    )


def use_up(key: ApiKey, now: datetime, **fields: Any) -> None:
    """As a refusal of an hour ago would."""
    event = cool(key, RESET, **{"kind": "day", **fields})
    event.occurred_at = now - timedelta(hours=1)
    event.save()


def test_a_pool_that_will_run_dry_is_said_with_the_time_and_the_model():
    group = add_group()
    keys = [add_key(group, str(number)) for number in range(4)]
    for key in keys[:2]:
        use_up(key, NOON, model=PRO)

    assert texts(NOON + timedelta(minutes=5)) == [
        f"At today's rate group main has no key left for {PRO} from about 2026-11-24 16:10 UTC;"
        " the first is back at 2026-11-25 08:00 UTC."
    ]
    assert (
        snapshot(NOON)["attention"][0]["url"]
        == f"/admin/proxyapp/apikey/?group__id__exact={group.pk}"
    )


def test_a_model_that_is_used_up_already_is_said_without_a_time():
    first, second = (
        add_key(Group.objects.first() or add_group(), label, project="p") for label in "ab"
    )
    use_up(first, NOON, model=PRO, project="p")

    assert texts(NOON) == [
        f"Group main has used up its keys for {PRO} for today; the first is back at 2026-11-25"
        " 08:00 UTC."
    ]
    set_status([first.pk, second.pk], KeyStatus.DISABLED)
    assert "used up" not in " ".join(texts(NOON))


def test_a_group_that_has_no_key_at_all_is_not_said_twice():
    use_up(add_key(add_group(), "a"), NOON)

    assert texts(NOON) == ["Group main has no available key: 1 cooling."]


def test_a_key_that_never_had_the_model_is_not_used_up_and_not_left():
    group = add_group()
    for number, kind in enumerate(["day", "model_for_key", "minute", ""]):
        key = add_key(group, str(number))
        if kind:
            use_up(key, NOON, kind=kind, model=PRO)

    assert "from about 2026-11-24 20:00 UTC" in texts(NOON)[0]


def test_yesterdays_refusals_make_no_rate():
    group = add_group()
    keys = [add_key(group, str(number)) for number in range(2)]
    cool(keys[0], NOON + timedelta(hours=19), kind="daily")  # since an hour before midnight

    assert texts(NOON) == []


# What it costs.


def grow(group: Group, count: int) -> None:
    first = ApiKey.objects.count()
    keys = [
        ApiKey(group=group, key_hash=f"{n}", masked="m", position=n)
        for n in range(first, first + count)
    ]
    for key in ApiKey.objects.bulk_create(keys):
        cool(key, LATER, model=PRO)
        use(key, prompt_tokens=1)


def test_the_number_of_queries_does_not_depend_on_the_number_of_keys():
    group = add_group()
    counts = []
    for count in (3, 200):
        grow(group, count)
        with CaptureQueriesContext(connection) as queries:
            shown = snapshot(NOW)
        counts.append(len(queries))

    assert counts == [13, 13]
    assert len(json.loads(json.dumps(shown))["keys"]) == 203


def test_a_dashboard_that_is_kept_reads_the_pool_again_only_when_it_has_changed():
    key = add_key(add_group(), "a")
    kept = Dashboard()
    kept.snapshot(NOW)
    minute(0, answered=5)
    later = NOW + timedelta(seconds=2)

    with CaptureQueriesContext(connection) as queries:
        shown = kept.snapshot(later)
    assert len(queries) == 3
    assert shown["cards"]["requests_per_minute"] > 0

    set_status([key.pk], KeyStatus.DISABLED)
    assert states(kept.snapshot(later)) == [[2, 0, 0]]


def test_a_dashboard_that_is_kept_sees_cooldowns_end_and_says_when():
    key = add_key(add_group(), "a")
    cool(key, LATER)
    kept = Dashboard()

    assert kept.snapshot(NOW)["cards"]["cooling"] == 1
    assert kept.next_end() == LATER.timestamp()
    assert kept.snapshot(LATER)["cards"]["cooling"] == 0


def test_a_dashboard_that_is_kept_shows_what_a_new_one_shows():
    key = add_key(add_group(), "a")
    kept = Dashboard()
    minute(2, answered=1, answered_well=1, latency_2=1, succeeded=1)
    kept.snapshot(NOW)
    for ago in (1, 3):
        minute(ago, answered=1, rate_limited=1)
    cool(key, LATER)
    raise_pool_version()

    for now in (NOW + timedelta(seconds=59), NOW + timedelta(minutes=2)):
        now_kept, new = kept.snapshot(now), snapshot(now)
        now_kept["chart"]["7d"] = new["chart"]["7d"]
        assert now_kept == new


def test_a_pool_of_thousands_is_shown_in_time():
    group = add_group()
    keys = [
        ApiKey(group=group, key_hash=f"{number}", masked="m", position=number)
        for number in range(5000)
    ]
    ApiKey.objects.bulk_create(keys, batch_size=500)

    since = time.perf_counter()
    snapshot(NOW)

    assert time.perf_counter() - since < 1.0


def test_no_secret_is_shown():
    key = add_key(add_group(proxy_url="http://user:pass-MARKER@proxy.example:1"), "MARKER")
    cool(key, LATER, excerpt=f"key {secret('MARKER')} is out")

    assert "MARKER" not in json.dumps(snapshot(NOW)).replace(key.masked, "")


# Clients.


def test_the_tokens_that_ask_most_today_are_shown_with_what_they_did():
    for number in range(6):
        use_token(
            add_token(f"app-{number}"), requests=number, prompt_tokens=10, output_tokens=number
        )
    busiest = ClientToken.objects.get(name="app-5")
    use_token(busiest, model="", requests=1, refused=2)
    use_token(busiest, NOW.date() - timedelta(days=1), requests=100)
    add_token("over", expires_at=NOW)

    clients = snapshot(NOW)["clients"]

    assert (clients["total"], clients["active"]) == (7, 6)
    assert [client["name"] for client in clients["top"]] == [
        "app-5",
        "app-4",
        "app-3",
        "app-2",
        "app-1",
    ]
    assert clients["top"][0] == {
        "name": "app-5",
        "url": f"/admin/proxyapp/clienttoken/{busiest.pk}/change/",
        "requests": 6,
        "refused": 2,
        "tokens": 15,
    }


def test_a_dashboard_that_is_kept_sees_a_revocation_at_once():
    token = add_token()
    kept = Dashboard()
    assert kept.snapshot(NOW)["clients"]["active"] == 1

    token_store.revoke([token.pk], audit.command("test"), NOW)

    assert kept.snapshot(NOW + timedelta(seconds=1))["clients"]["active"] == 0


def test_a_token_that_is_in_use_and_expires_soon_needs_attention():
    soon = NOW + timedelta(days=3)
    token = add_token("app", expires_at=soon, last_used_at=NOW - timedelta(days=1))
    add_token("idle", expires_at=soon)
    add_token("rarely", expires_at=soon, last_used_at=NOW - timedelta(days=8))
    add_token("later", expires_at=NOW + timedelta(days=8), last_used_at=NOW)
    revoked = add_token("revoked", expires_at=soon, last_used_at=NOW)
    token_store.revoke([revoked.pk], audit.command("test"), NOW)

    (item,) = snapshot(NOW)["attention"]

    assert item == {
        "level": "warning",
        "text": (
            "Client token app is in use and expires in 3 d: give it more time, or its client"
            " another."
        ),
        "url": f"/admin/proxyapp/clienttoken/{token.pk}/change/",
    }


def test_what_is_not_allowed_reaches_no_limit_but_is_counted():
    use_token(add_token("curious"), model="m", not_allowed=500, refused=19)

    shown = snapshot(NOW)

    assert shown["attention"] == []
    assert [row["refused"] for row in shown["clients"]["top"]] == [519]


def test_a_token_that_keeps_reaching_its_limits_today_needs_attention():
    token = add_token("eager")
    use_token(token, model="", refused=15)
    use_token(token, model="m", refused=10)
    use_token(add_token("once"), refused=19)
    use_token(add_token("yesterday"), NOW.date() - timedelta(days=1), refused=500)

    (item,) = snapshot(NOW)["attention"]

    assert (
        item["text"] == "Client token eager keeps reaching its limits: 25 requests refused today."
    )
    refused = f"client={token.pk}&outcome=client_limit&since=2026-11-24T00%3A00%3A00Z"
    assert item["requests"] == f"/admin/requests/?{refused}"
    assert superuser().get(item["requests"]).status_code == 200


def test_of_many_tokens_that_need_attention_some_are_named():
    for number in range(7):
        token = add_token(str(number), expires_at=NOW + timedelta(days=1), last_used_at=NOW)
        use_token(token, refused=20)

    shown = texts()

    assert len(shown) == 12
    assert "More client tokens that are in use expire within 7 days." in shown
    assert "More client tokens keep reaching their limits today." in shown


def test_a_gateway_that_asks_nobody_for_a_token_says_so(settings: Any):
    assert texts() == []
    settings.ALLOW_ANONYMOUS = True

    nobody_has_one = texts()
    add_token()

    assert nobody_has_one == [
        "Anyone who reaches the gateway may use the keys: allow_anonymous is set, and there is no"
        " client token."
    ]
    assert texts()[0].startswith(
        "Anyone who reaches the gateway may use the keys, also without a token"
    )


def test_the_panel_of_clients_is_for_those_who_may_see_tokens():
    shown, hidden = staff("view_apikey", "view_clienttoken"), staff("view_apikey", name="other")

    assert 'id="clients"' in page(shown, "index")
    assert 'id="clients"' not in page(hidden, "index")
