"""What open pages of the admin are told while they are open."""

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from gateway.dispatch import Dispatcher
from proxyapp import runtime
from proxyapp.admin.live import changes, feed, subscriber
from proxyapp.admin.live.frame import changed
from proxyapp.admin.live.routing import has_own_origin
from proxyapp.models import ApiKey, MinuteUsage, RateLimitEvent
from proxyapp.operators import dashboard, key_actions
from proxyapp.operators.key_report import KeyRow
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.times import iso_utc
from tests.conftest import MakeGateway
from tests.support.admin_pages import text
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.gateway_requests import ask
from tests.support.live_pages import (
    OPERATOR,
    Page,
    admin_cookie,
    log_in,
    open_socket,
    seconds_until,
    watched,
)
from tests.support.pool_data import add_group, add_key, cool, use

database = pytest.mark.usefixtures("async_database")
QUIET = 3600.0


@pytest.fixture
async def application(async_database: None) -> AsyncIterator[Dispatcher]:
    made = Dispatcher()
    yield made
    await made._live.stop()
    await runtime.shutdown()


@pytest.fixture
async def operator(async_database: None) -> Client:
    return await sync_to_async(log_in)()


@pytest.fixture
async def keys(async_database: None) -> list[ApiKey]:
    return await sync_to_async(make_keys)()


def make_keys() -> list[ApiKey]:
    group = add_group()
    return [add_key(group, label, name=label) for label in ("a", "b", "c")]


@sync_to_async
def cool_down(key: ApiKey, seconds: float = 3600, **fields: Any) -> None:
    """As another process would: event and new version are in the database, nothing else tells."""
    event = cool(key, timezone.now() + timedelta(seconds=seconds), **fields)
    event.occurred_at = timezone.now()
    event.save()
    raise_pool_version()


@sync_to_async
def answer(count: int = 1) -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    row, _ = MinuteUsage.objects.get_or_create(minute=minute)
    row.answered += count
    row.save()


def running_feed(application: Dispatcher) -> feed.Feed:
    assert application._live._feed is not None
    return application._live._feed


# Who may watch.


async def test_staff_get_the_whole_dashboard_first(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()

    message = await page.hear()

    expected = await sync_to_async(dashboard.snapshot)(timezone.now())
    assert message.keys() == expected.keys()
    assert message["keys"] == [[key.pk, 0, 0, 0] for key in keys]
    await page.leave()


async def test_nothing_is_said_before_the_page_says_what_it_shows(
    application: Dispatcher, operator: Client
):
    page = Page(application, operator)
    assert await page.open()

    assert await page.hear_nothing()
    await page.leave()


@database
@pytest.mark.parametrize("fields", [None, {"is_staff": False}, {"is_active": False}], ids=str)
async def test_nobody_else_gets_a_socket(application: Dispatcher, fields: dict[str, Any] | None):
    client = await sync_to_async(log_in)(**fields) if fields else None

    assert not await Page(application, client).open()


@pytest.mark.parametrize(
    ("headers", "is_accepted"),
    [
        ({"origin": "https://gw.example"}, True),
        ({"origin": "http://GW.example"}, True),
        ({"origin": ""}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://gw.example.evil.example"}, False),
        ({"origin": "https://gw.example:8443"}, False),
        ({"origin": "null"}, False),
        ({"origin": "file://gw.example"}, False),
        ({"origin": "https://[gw.example"}, False),
        ({"origin": "https://pages.trusted.example"}, True),
        ({"origin": "http://pages.trusted.example"}, False),
        ({"host": ""}, False),
        ({"host": "other.example", "origin": "https://other.example"}, False),
    ],
    ids=str,
)
def test_only_the_gateways_own_pages_may_open_it(
    headers: dict[str, str], is_accepted: bool, settings: Any
):
    settings.ALLOWED_HOSTS = ["gw.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.trusted.example"]
    sent = {"host": "gw.example", **headers}

    assert has_own_origin([(n.encode(), v.encode()) for n, v in sent.items() if v]) == is_accepted


async def test_a_page_of_another_site_is_refused(application: Dispatcher, operator: Client):
    assert not await Page(application, operator, origin="https://evil.example").open()


@pytest.mark.parametrize("path", ["/ws/admin/live", "/ws/admin/live/x", "/ws/", "/v1beta/live"])
async def test_there_is_no_other_socket(application: Dispatcher, operator: Client, path: str):
    assert not await Page(application, operator, path=path).open()


def log_out(client: Client) -> None:
    client.logout()


def deactivate(client: Client) -> None:
    User.objects.update(is_active=False)


def dismiss(client: Client) -> None:
    User.objects.update(is_staff=False)


def expire(client: Client) -> None:
    Session.objects.update(expire_date=timezone.now())


def take_rights(client: Client) -> None:
    User.objects.update(is_superuser=False)


def change_password(client: Client) -> None:
    User.objects.update(password="!another")


@pytest.mark.parametrize(
    "end", [log_out, deactivate, dismiss, take_rights, expire, change_password]
)
async def test_who_may_no_longer_watch_is_closed(
    application: Dispatcher,
    operator: Client,
    end: Callable[[Client], None],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(feed, "SESSIONS_SECONDS", 0.1)
    other = await sync_to_async(log_in)(username="other", password="!") if end is log_out else None
    pages = [await Page(application, client).watch() for client in (operator, operator)]
    stays = await Page(application, other).watch() if other else None

    await sync_to_async(end)(operator)

    assert [await page.closing_code() for page in pages] == [4401, 4401]
    if stays:
        await stays.hear()
        assert await stays.hear_nothing()
        await stays.leave()


def test_a_session_is_looked_at_often_enough_to_close_within_three_seconds():
    assert feed.SESSIONS_SECONDS + feed.TICK_SECONDS <= 2.5


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "watch",
        "[]",
        '{"watch": "users"}',
        '{"watch": "keys"}',
        '{"watch": "keys", "ids": ["1"]}',
        '{"watch": "keys", "ids": [true]}',
        '{"watch": "keys", "ids": [-1]}',
        '{"watch": "keys", "ids": [9223372036854775808]}',
        json.dumps({"watch": "keys", "ids": list(range(1, 202))}),
    ],
    ids=lambda message: message[:40],
)
async def test_a_message_that_makes_no_sense_closes_the_socket(
    application: Dispatcher, operator: Client, message: str
):
    page = await Page(application, operator).watch(message)

    assert await page.closing_code() == 4400
    await page.leave()


async def test_the_dashboard_is_for_those_who_may_see_keys(
    application: Dispatcher, keys: list[ApiKey]
):
    refused = await Page(application, await sync_to_async(log_in)(is_superuser=False)).watch()

    assert await refused.closing_code() == 4403
    await refused.leave()


async def test_keys_are_for_those_who_may_see_keys(application: Dispatcher, keys: list[ApiKey]):
    client = await sync_to_async(log_in)(is_superuser=False)
    wish = {"watch": "keys", "ids": [keys[0].pk]}
    refused = await Page(application, client).watch(wish)
    assert await refused.closing_code() == 4403
    await refused.leave()

    @sync_to_async
    def allow() -> None:
        User.objects.get().user_permissions.add(Permission.objects.get(codename="view_apikey"))

    await allow()
    allowed = await Page(application, client).watch(wish)

    assert (await allowed.hear())["type"] == "keys"
    await allowed.leave()


# What a dashboard is told.


async def test_a_cooldown_of_another_process_appears_with_what_it_changes(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()
    await page.hear()
    since = time.monotonic()

    await cool_down(keys[1])
    message = await page.hear()

    assert time.monotonic() - since < 2.5  # within a second, and what a busy machine adds
    ((key_id, state, until, models_out),) = message["keys_changed"]
    assert (key_id, state, models_out) == (keys[1].pk, 1, 0)
    assert 3590 < until - time.time() <= 3601
    assert message["cards"]["cooling"] == 1
    assert len(message["events"]) == len(message["releases"]) == 1
    assert message.keys().isdisjoint({"keys", "groups", "labels", "tokens_by_model", "is_empty"})
    await page.leave()


async def test_a_key_that_is_added_brings_all_keys_anew(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()
    await page.hear()

    @sync_to_async
    def add() -> None:
        add_key(keys[0].group, "d")
        raise_pool_version()

    await add()
    message = await page.hear()

    assert len(message["keys"]) == 4
    assert message["groups"][0]["count"] == 4
    assert "keys_changed" not in message
    await page.leave()


async def test_traffic_changes_the_cards(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()
    await page.hear()

    await answer(7)
    message = await page.hear()

    assert message["cards"]["requests_per_minute"] > 0
    assert "keys_changed" not in message
    await page.leave()


async def test_a_cooldown_that_ends_is_told_without_a_change(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    await cool_down(keys[0], 1.5)
    page = await Page(application, operator).watch()
    first = await page.hear()
    assert first["keys"][0][1] == 1

    while page.state.get("keys_changed") != [[keys[0].pk, 0, 0, 0]]:
        await page.hear()

    assert page.state["cards"]["available"] == 3
    await page.leave()


async def test_where_nothing_happens_nothing_is_said(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()
    await page.hear()

    assert await page.news(2.5) == []
    await page.leave()


async def test_a_quiet_socket_is_pinged(
    application: Dispatcher, operator: Client, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subscriber, "PING_SECONDS", 0.5)
    page = await Page(application, operator).watch()
    await page.hear()

    heard = [(await page.hear())["type"] for _ in range(2)]
    assert "ping" in heard, "the turn of a minute may bring its chart first"
    await page.leave()


def test_a_change_of_nothing_but_the_time_is_no_news():
    before = {"type": "dashboard", "at": "1", "cards": {"available": 1}, "keys": [[1, 0, 0, 0]]}

    assert changed(before, {**before, "at": "2"}) is None


async def test_a_cooldown_of_this_process_is_told_before_the_next_look(
    application: Dispatcher, operator: Client, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    process = await runtime.startup()
    page = await Page(application, operator).watch()
    await page.hear()
    running_feed(application)._look_at = float("inf")

    await cool_down(keys[0])
    await process.refresh()

    assert (await page.hear(2.5))["keys_changed"][0][:2] == [keys[0].pk, 1]
    await page.leave()


async def test_a_database_that_is_away_is_said_and_what_is_known_stays(
    application: Dispatcher, operator: Client, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0.2)
    page = await Page(application, operator).watch()
    await page.hear()
    with monkeypatch.context() as broken:

        def fail(now: Any) -> None:
            raise DatabaseError

        broken.setattr(feed, "look", fail)
        message = await page.hear()
        assert message.keys() == {"type", "at", "attention"}
        assert "The database is away" in message["attention"][0]["text"]

    await cool_down(keys[0])
    while page.state["attention"]:
        await page.hear()

    assert page.state["keys_changed"][0][:2] == [keys[0].pk, 1]
    await page.leave()


# What a list of keys is told.


def texts(cells: dict[str, str]) -> dict[str, str]:
    return {name: text(html) for name, html in cells.items()}


async def test_a_list_is_told_all_of_its_keys_and_then_those_that_changed(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    await sync_to_async(use)(
        keys[0], requests=9, rate_limited=2, client_errors=3, prompt_tokens=5, output_tokens=6
    )
    page = await Page(application, operator).watch(
        {"watch": "keys", "ids": [keys[0].pk, keys[2].pk, 2**62]}
    )

    first = await page.hear()
    await cool_down(keys[1])
    await cool_down(keys[2], model="gemini-2.5-pro")
    second = await page.hear()

    one, three = first["keys"]
    assert first == {"type": "keys", "keys": [one, {**three, "id": keys[2].pk}]}
    assert one.keys() == {"id", "state", "cells"}
    assert (one["id"], one["state"]) == (keys[0].pk, "available")
    assert texts(one["cells"]) == {
        "state": "available",
        "used": "—",
        "requests": "9",
        "rate_limited": "2",
        "errors": "3",
        "tokens_in": "5",
        "tokens_out": "6",
    }
    (only,) = second["keys"]
    assert (only["id"], only["state"]) == (keys[2].pk, "available")
    assert texts(only["cells"])["state"].startswith("available gemini-2.5-pro out for ")
    assert await page.hear_nothing(1.5)
    await page.leave()


async def test_a_key_of_a_list_that_cools_has_an_end(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    await cool_down(keys[0])
    page = await Page(application, operator).watch({"watch": "keys", "ids": [keys[0].pk]})

    (only,) = (await page.hear())["keys"]

    assert only["state"] == "cooling"
    until = iso_utc((await RateLimitEvent.objects.aget()).cooling_until)
    assert only["cells"]["state"].count(f'"{until}"') == 2
    await page.leave()


async def test_a_cell_is_told_as_the_page_has_it_and_nothing_in_it_is_markup(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    reason, model = "<script>alert(1)</script>", '<img src=x onerror="alert(2)">'
    await sync_to_async(ApiKey.objects.filter(pk=keys[0].pk).update)(
        status="invalid", status_reason=reason
    )
    await cool_down(keys[1], model=model, kind="<b>daily</b>")
    page = await Page(application, operator).watch(
        {"watch": "keys", "ids": [key.pk for key in keys]}
    )

    told = (await page.hear())["keys"]

    html = await sync_to_async(
        lambda: operator.get("/admin/proxyapp/apikey/").content.decode(), thread_sensitive=True
    )()
    for key in told:
        assert html.count(key["cells"]["requests"]) >= 1
        assert not re.search("<(?:script|img|b)\\b", key["cells"]["state"])
    assert told[0]["cells"]["state"] in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in told[0]["cells"]["state"]
    assert "&lt;img src=x onerror=&quot;alert(2)&quot;&gt; out for" in told[1]["cells"]["state"]
    await page.leave()


async def test_only_a_key_that_changed_is_rendered_anew(
    application: Dispatcher, operator: Client, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    rendered: list[int] = []
    real = changes.key_message

    def counting(row: KeyRow, now: datetime) -> dict[str, Any]:
        rendered.append(row.id)
        return real(row, now)

    monkeypatch.setattr(changes, "key_message", counting)
    page = await Page(application, operator).watch(
        {"watch": "keys", "ids": [key.pk for key in keys]}
    )
    await page.hear()

    await sync_to_async(key_actions.set_status)([keys[1].pk], KeyStatus.DISABLED)
    await page.hear()

    assert rendered == [*(key.pk for key in keys), keys[1].pk]
    await page.leave()


async def test_a_page_may_change_what_it_watches(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch({"watch": "keys", "ids": [keys[0].pk]})
    assert [key["id"] for key in (await page.hear())["keys"]] == [keys[0].pk]

    await page.say({"watch": "keys", "ids": [keys[1].pk]})
    assert [key["id"] for key in (await page.hear())["keys"]] == [keys[1].pk]

    await page.say({"watch": "dashboard"})
    assert (await page.hear())["type"] == "dashboard"
    await page.leave()


async def test_two_lists_are_each_told_their_own(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    pages = [
        await Page(application, operator).watch({"watch": "keys", "ids": [key.pk]})
        for key in keys[:2]
    ]
    for page in pages:
        await page.hear()

    await sync_to_async(key_actions.set_status)([keys[1].pk], KeyStatus.DISABLED)

    assert (await pages[1].hear())["keys"][0]["state"] == "disabled"
    assert await pages[0].hear_nothing()
    for page in pages:
        await page.leave()


# Many sockets.


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of the feed's thread."""
    said: list[str] = []
    execute = CursorWrapper.execute

    def listen(cursor: CursorWrapper, sql: Any, params: Any = None) -> Any:
        if threading.current_thread().name.startswith("live"):
            said.append(str(sql))
        return execute(cursor, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", listen)
    return said


async def test_fifty_sockets_cost_as_many_queries_as_one(
    application: Dispatcher,
    operator: Client,
    keys: list[ApiKey],
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(feed, "TICK_SECONDS", QUIET)  # only when the test says so
    monkeypatch.setattr(feed, "REST", 0.0)
    pages: list[Page] = []
    costs = []
    for number, count in enumerate((1, 49)):
        for _ in range(count):
            pages.append(await Page(application, operator).watch())
            await pages[-1].hear()
        await cool_down(keys[number])
        statements.clear()
        working = running_feed(application)
        working._look_at = working._welcome_at = 0.0

        await working.tick()

        costs.append(len(statements))
        for page in pages:
            assert (await page.hear())["keys_changed"][0][0] == keys[number].pk
    assert costs[0] == costs[1] <= 17, statements
    for page in pages:
        await page.leave()


async def test_a_quiet_second_costs_one_query(
    application: Dispatcher,
    operator: Client,
    keys: list[ApiKey],
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(feed, "TICK_SECONDS", QUIET)
    monkeypatch.setattr(feed, "REST", 0.0)
    page = await Page(application, operator).watch()
    await page.hear()
    statements.clear()
    working = running_feed(application)
    working._look_at, working._welcome_at = 0.0, float("inf")

    await working.tick()

    assert len(statements) == 1
    await page.leave()


async def test_a_client_that_does_not_read_holds_up_nobody_and_gets_the_newest_state(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()
    await page.hear()
    visitor = next(iter(running_feed(application).subscribers)).visitor
    is_read = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def send(text: str) -> None:
        sent.append(json.loads(text))
        await is_read.wait()

    async def close(code: int) -> None:
        raise AssertionError

    working = running_feed(application)
    slow = working.add(visitor, send, close)
    working.watch(slow, next(iter(working.subscribers - {slow})).wish)
    for key in keys:
        await cool_down(key)
        while page.state["cards"]["cooling"] < keys.index(key) + 1:
            await page.hear()
    assert len(sent) == 1

    is_read.set()
    async with asyncio.timeout(5):
        while len(sent) < 2:
            await asyncio.sleep(0.01)

    assert sent[1]["cards"]["cooling"] == 3
    assert "keys" in sent[1]
    working.subscribers.discard(slow)
    await slow.stop()
    await page.leave()


# Begin and end.


def live_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("live")]


async def test_the_feed_begins_with_the_first_page_and_ends_with_the_last(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    assert live_threads() == []
    pages = [await Page(application, operator).watch() for _ in range(2)]
    for page in pages:
        await page.hear()
    assert len(live_threads()) == 1

    await pages[0].leave()
    assert len(live_threads()) == 1
    await pages[1].leave()
    assert live_threads() == []

    again = await Page(application, operator).watch()
    assert (await again.hear())["type"] == "dashboard"
    await again.leave()


async def test_the_end_of_the_application_closes_what_is_open(
    application: Dispatcher, operator: Client, keys: list[ApiKey]
):
    page = await Page(application, operator).watch()
    await page.hear()
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await application({"type": "lifespan"}, receive, send)

    assert await page.closing_code() == 1012
    assert sent[-1] == "lifespan.shutdown.complete"
    assert live_threads() == []
    await page.leave()


# On a gateway that runs.


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_429_appears_on_an_open_dashboard_and_a_restart_is_survived(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
):
    gateway = make_gateway(["KEY-A", "KEY-B"], server=server, env=OPERATOR)
    cookie = admin_cookie(gateway)
    for refused_cookie, origin in (("", None), (cookie, "https://evil.example")):
        with (
            pytest.raises(InvalidStatus) as refused,
            open_socket(gateway, refused_cookie, origin=origin),
        ):
            pass
        assert refused.value.response.status_code == 403
    with watched(gateway, cookie) as (socket, first):
        assert [key[1] for key in first["keys"]] == [0, 0]

        upstream.exhausted("KEY-A")
        assert ask(gateway).status_code == 200
        seconds, message = seconds_until(socket, "keys_changed")

        assert seconds < 2.5  # within a second, and what a busy machine adds
        assert [key[:2] for key in message["keys_changed"]] == [[first["keys"][0][0], 1]]

        since = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - since < 6  # with the socket open
        with pytest.raises(ConnectionClosed) as closed:
            seconds_until(socket, "nothing")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code in (1001, 1012)

    gateway.start()
    with watched(gateway, cookie) as (_, again):
        assert [key[1] for key in again["keys"]] == [1, 0]
    assert "Traceback" not in gateway.output()


def sockets_of_each(gateway: Gateway) -> list[int]:
    """How many of the connections to the gateway each worker has."""
    children = psutil.Process(gateway.pid).children()
    return [
        sum(
            c.status == psutil.CONN_ESTABLISHED and c.laddr.port == gateway.port
            for c in child.net_connections()
        )
        for child in children
    ]


def test_a_429_of_the_other_worker_appears_as_soon(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(["KEY-A", "KEY-B"], env=OPERATOR, args=["--workers", "2"])
    cookie = admin_cookie(gateway)
    with ExitStack() as stack:
        sockets: list[ClientConnection] = []
        while len(sockets) < 40 and (len(sockets) < 2 or min(sockets_of_each(gateway)) == 0):
            sockets.append(stack.enter_context(watched(gateway, cookie))[0])
        assert min(sockets_of_each(gateway)) > 0

        upstream.exhausted("KEY-A")
        upstream.exhausted("KEY-B")
        ask(gateway)
        since = time.monotonic()
        told = [seconds_until(socket, "keys_changed")[1] for socket in sockets]

        assert time.monotonic() - since < 2.5  # within a second, and what a busy machine adds
        assert all(key[1] == 1 for message in told for key in message["keys_changed"])
