"""The look at what needs attention, with a database and two processes' watches."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from proxyapp.alerts.sending import Letter
from proxyapp.alerts.story import TellingPace
from proxyapp.alerts.watch import AlertWatch
from proxyapp.database.outage import Outage
from proxyapp.database.threads import DatabaseThreads
from proxyapp.models import AlertChannel, MinuteUsage
from proxyapp.operators.attention import RuntimeFacts
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db(transaction=True)
PACE = TellingPace(after=30, pause=60)
NO_TIME = timedelta()
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


class Post:
    """What was sent, and what goes wrong with it."""

    def __init__(self) -> None:
        self.letters: list[tuple[str | None, Letter]] = []
        self.problem = ""

    def __call__(self, url: str | None, letter: Letter) -> str:
        self.letters.append((url, letter))
        return self.problem

    @property
    def bodies(self) -> list[str]:
        return [letter.body for _, letter in self.letters]


class Process:
    """One with a watch."""

    def __init__(self, post: Post, folder: Path, ahead: timedelta = NO_TIME) -> None:
        self.threads = DatabaseThreads()
        self.watch = AlertWatch(
            self.threads, folder, PACE, facts=RuntimeFacts, send=post, ahead=lambda: ahead
        )

    async def look(self, seconds: float) -> None:
        await self.watch.look(NOW + timedelta(seconds=seconds))


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def processes(post: Post, tmp_path: Path) -> AsyncIterator[list[Process]]:
    both = [Process(post, tmp_path) for _ in range(2)]
    yield both
    for process in both:
        await process.watch.close()
        process.threads.close()


def channel(**fields: Any) -> AlertChannel:
    given: dict[str, Any] = {"name": "ops", "url": "json://token@example.com/x", **fields}
    return AlertChannel.objects.create(**given)


async def test_two_processes_tell_once_and_another_goes_on(
    post: Post, processes: list[Process]
) -> None:
    one, other = processes
    await one.threads.background(lambda: (channel(), add_group("empty")))
    for seconds in (0, 15, 30, 45, 60):
        await one.look(seconds)
        await other.look(seconds + 1)
    assert len(post.letters) == 1
    assert "Group empty has no keys yet." in post.bodies[0]
    await one.watch.close()
    await other.look(75)
    await other.look(400)
    assert len(post.letters) == 1
    await other.threads.background(lambda: add_key_to("empty"))
    for seconds in (415, 430, 490):
        await other.look(seconds)
    assert len(post.letters) == 2
    assert post.bodies[1].startswith("Over, from 2026-11-30 12:00 UTC to")


def add_key_to(name: str) -> None:
    from proxyapp.models import Group
    from proxyapp.pool.cursor import raise_pool_version

    add_key(Group.objects.get(name=name), "1")
    raise_pool_version()


async def test_a_node_whose_clock_is_ahead_does_not_take_the_duty_from_another(
    post: Post, tmp_path: Path
) -> None:
    one, ahead = Process(post, tmp_path), Process(post, tmp_path, ahead=timedelta(hours=-1))
    await one.threads.background(lambda: (channel(), add_group("empty")))
    await one.look(0)
    await ahead.look(3601)
    assert not post.letters
    await one.look(31)
    assert len(post.letters) == 1
    for process in (one, ahead):
        await process.watch.close()
        process.threads.close()


async def test_the_duty_of_a_process_that_died_is_taken_when_it_ends(
    post: Post, processes: list[Process]
) -> None:
    one, other = processes
    await one.threads.background(lambda: (channel(), add_group("empty")))
    await one.look(0)
    await other.look(119)
    assert not post.letters
    await other.look(121)
    assert len(post.letters) == 1


async def test_what_fails_is_tried_again_and_said_on_the_page(
    post: Post, processes: list[Process]
) -> None:
    one = processes[0]
    row, _ = await one.threads.background(lambda: (channel(), add_group("empty")))
    post.problem = "The service answered with status 500."
    for seconds in (0, 30, 45, 61):
        await one.look(seconds)
    assert len(post.letters) == 2
    await one.threads.background(row.refresh_from_db)
    assert (row.problem, row.sent_at) == (post.problem, None)
    post.problem = ""
    await one.look(200)
    await one.threads.background(row.refresh_from_db)
    assert (row.problem, row.sent_at) == ("", NOW + timedelta(seconds=200))
    assert len(set(post.bodies)) == 1


async def test_each_channel_is_told_what_it_wants(post: Post, processes: list[Process]) -> None:
    one = processes[0]

    def make() -> None:
        channel(name="other kinds", url="json://a", kinds="spool,no_key")
        channel(name="off", url="json://b", is_on=False)
        channel(name="patient", url="json://c", kinds="error_rate", error_percent=60)
        channel(name="urgent", url="json://d", kinds="error_rate,group_without_key", level="danger")
        add_group("empty")
        MinuteUsage.objects.create(minute=NOW, seen_ok=20, seen_upstream=15, seen_no_key=5)

    await one.threads.background(make)
    await one.look(0)
    await one.look(30)
    assert [url for url, _ in post.letters] == ["json://d"]
    assert post.bodies == [
        "Since 2026-11-30 12:00 UTC: 50 % of the last 10 minutes' requests were not answered well."
    ]


async def test_clients_own_mistakes_and_limits_are_no_error_rate(
    post: Post, processes: list[Process]
) -> None:
    one = processes[0]

    def make() -> None:
        channel(kinds="error_rate", error_percent=1)
        MinuteUsage.objects.create(
            minute=NOW, seen_ok=20, seen_client_error=40, seen_client_limit=40
        )

    await one.threads.background(make)
    await one.look(0)
    await one.look(30)
    assert not post.letters


async def test_slow_answers(post: Post, processes: list[Process]) -> None:
    one = processes[0]

    def make() -> None:
        channel(kinds="slow", slow_seconds=5)
        MinuteUsage.objects.create(minute=NOW, seen_ok=40, latency_13=40)

    await one.threads.background(make)
    await one.look(0)
    await one.look(30)
    assert "(p95)" in post.bodies[0]


async def test_a_database_that_is_away_is_told_without_it(
    post: Post, processes: list[Process]
) -> None:
    one, other = processes
    await one.threads.background(channel)
    await one.look(0)
    await other.look(0)
    outage = Outage(NOW, "connection refused")
    for process in processes:
        process.threads.outage = outage
    for seconds in (10, 40, 55, 70):
        await one.look(seconds)
        await other.look(seconds)
    assert len(post.letters) == 1
    assert "(connection refused). Requests are served from memory" in post.bodies[0]
    for process in processes:
        process.threads.outage = None
        process.threads.last_outage = Outage(NOW, "connection refused", NOW + timedelta(seconds=80))
    for seconds in (85, 100):
        await one.look(seconds)
        await other.look(seconds)
    assert len(post.letters) == 2
    assert "it was away for 80 s" in post.bodies[1]


async def test_without_a_channel_nothing_is_looked_for(
    post: Post, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxyapp.alerts.duty.take", lambda *_: pytest.fail("looked"))
    await processes[0].look(0)
    assert not post.letters
