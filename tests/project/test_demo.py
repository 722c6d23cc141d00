"""`make demo`: what it starts, shows and leaves behind, and the past that it makes up."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.db.models import Max, Min, Sum

from proxyapp.access.token_book import SHAPE, token_hash
from proxyapp.ledger.usage import COLUMNS, AttemptOutcome
from proxyapp.models import (
    LATENCY_COLUMNS,
    ClientToken,
    HourlyUsage,
    MinuteUsage,
    RateLimitEvent,
    TokenUsage,
)
from proxyapp.operators.token_standing import standing_of
from tests.demo.cast import CLIENTS, DEAD_KEY, FLASH, config
from tests.demo.clients import write_clients
from tests.demo.history import WrongDatabase, write_history
from tests.support.gateway import ROOT, group
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 23, 20, 30, 12, tzinfo=UTC)
START_SECONDS = 40
COOLDOWN_SECONDS = 90  # half a minute, on a machine that does nothing else
STOP_SECONDS = 20
QUESTION = {"contents": [{"parts": [{"text": "Hello?"}]}]}


class Demo:
    """The demo as a process whose temporary files are all below `directory`."""

    def __init__(self, directory: Path, port: int, *arguments: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.temporary = directory / "temporary"
        self.temporary.mkdir()
        self._output, self._errors = directory / "output", directory / "errors"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = psutil.Popen(
                [sys.executable, "-m", "tests.demo", "--port", str(port), *arguments],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(self.temporary)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )

    def output(self) -> str:
        return self._output.read_text()

    def errors(self) -> str:
        return self._errors.read_text()

    def line(self, title: str) -> str:
        """What stands behind the title."""
        return (
            next(line for line in self.output().splitlines() if line.startswith(title))
            .removeprefix(title)
            .strip()
        )

    def keys(self) -> list[dict[str, Any]]:
        """By the command that it prints."""
        command = f"{self.line('Keys:')} --json"
        listed = subprocess.run(
            command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
        )
        assert listed.returncode == 0, listed.stderr
        keys: list[dict[str, Any]] = json.loads(listed.stdout)
        return keys

    def is_started(self) -> bool:
        assert self.process.poll() is None, self.errors()
        return "Ctrl-C" in self.output()


StartDemo = Callable[..., Demo]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[StartDemo]:
    """What is left of it is killed at the end of the test."""
    family: list[psutil.Process] = []

    def start(port: int, *arguments: str) -> Demo:
        demo = Demo(tmp_path, port, *arguments)
        family.append(demo.process)
        return demo

    yield start
    for process in [member for parent in family for member in (*children(parent), parent)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=STOP_SECONDS)


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def reasons(keys: list[dict[str, Any]]) -> set[str]:
    return {cooldown["reason"] for key in keys for cooldown in key["cooldowns"]}


# The whole of it.


def test_it_shows_cooldowns_soon_and_leaves_nothing_behind(start_demo: StartDemo) -> None:
    demo = start_demo(free_port())
    wait_for(demo.is_started, START_SECONDS)
    started = children(demo.process)

    assert httpx.get(f"{demo.url}/readyz", trust_env=False).status_code == 200
    url, token = (
        f"{demo.url}/v1beta/models/{FLASH}:generateContent",
        {"x-goog-api-key": demo.line("Token:")},
    )
    assert httpx.post(url, json=QUESTION, trust_env=False).status_code == 401
    answer = httpx.post(url, json=QUESTION, headers=token, trust_env=False)
    assert answer.json()["usageMetadata"]["promptTokenCount"] > 0
    wait_for(lambda: {"minute", "day"} <= reasons(demo.keys()), COOLDOWN_SECONDS)
    assert [key["name"] for key in demo.keys() if key["state"] == "invalid"] == [DEAD_KEY]

    demo.process.send_signal(signal.SIGINT)
    assert (demo.process.wait(STOP_SECONDS), demo.errors()) == (0, "")
    assert started
    assert [process for process in started if process.is_running()] == []
    assert list(demo.temporary.iterdir()) == []


def test_a_gateway_that_dies_ends_it_with_one_line(start_demo: StartDemo) -> None:
    demo = start_demo(free_port(), "--no-load", "--no-history")
    wait_for(lambda: children(demo.process), START_SECONDS)

    for process in children(demo.process):
        process.kill()

    assert demo.process.wait(STOP_SECONDS) == 1
    assert demo.errors().startswith("The gateway ended with code -9: ")
    assert demo.errors().count("\n") == 1
    assert list(demo.temporary.iterdir()) == []


def test_a_port_that_is_in_use_is_one_line(start_demo: StartDemo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        demo = start_demo(busy.getsockname()[1])

        assert demo.process.wait(STOP_SECONDS) == 1
    assert "is in use by another program" in demo.errors()
    assert (demo.output(), demo.errors().count("\n")) == ("", 1)


# The past.


def import_groups(directory: Path, groups: dict[str, Any]) -> None:
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(groups))
    call_command("import_config", str(path), verbosity=0)


@pytest.fixture
def _keys(db: None, tmp_path: Path) -> None:
    import_groups(tmp_path, config("http://127.0.0.1:1", "127.0.0.1", 1))


@pytest.fixture
def _past(_keys: None) -> None:
    write_history(NOW)


def stored() -> list[list[Any]]:
    hours = HourlyUsage.objects.order_by("hour", "key_id", "model")
    events = RateLimitEvent.objects.order_by("occurred_at", "key_id", "model")
    return [
        list(hours.values_list("hour", "key_id", "model", *COLUMNS)),
        list(
            MinuteUsage.objects.order_by("minute").values_list("minute", *COLUMNS, *LATENCY_COLUMNS)
        ),
        list(
            events.values_list(
                "occurred_at", "cooling_until", "key_id", "project", "model", "kind", "excerpt"
            )
        ),
    ]


@pytest.mark.usefixtures("_keys")
def test_the_past_is_the_same_at_every_start() -> None:
    pasts = []
    for _ in range(2):
        write_history(NOW)
        pasts.append(stored())
        for table in (HourlyUsage, MinuteUsage, RateLimitEvent):
            table._default_manager.all().delete()

    assert all(pasts[0])
    assert pasts[0] == pasts[1]


@pytest.mark.usefixtures("_past")
def test_the_hours_and_the_minutes_add_up_to_the_same() -> None:
    sums = {column: Sum(column) for column in COLUMNS}
    of_hours = HourlyUsage.objects.aggregate(**sums)

    assert of_hours == MinuteUsage.objects.aggregate(**sums)
    assert of_hours["requests"] == sum(of_hours[outcome] for outcome in AttemptOutcome)


@pytest.mark.usefixtures("_past")
def test_the_past_is_a_week_that_ends_with_the_last_full_minute() -> None:
    this_minute = NOW.replace(second=0)

    ends = MinuteUsage.objects.aggregate(first=Min("minute"), last=Max("minute"))

    assert ends == {
        "first": this_minute.replace(minute=0) - timedelta(days=7),
        "last": this_minute - timedelta(minutes=1),
    }


@pytest.mark.usefixtures("_past")
def test_every_good_answer_of_the_past_took_its_time() -> None:
    for minute in MinuteUsage.objects.all():
        assert (
            sum(getattr(minute, column) for column in LATENCY_COLUMNS) == minute.answered_well > 0
        )


@pytest.mark.usefixtures("_past")
def test_the_refusals_of_the_past_are_counted_and_hold_no_key_any_more() -> None:
    events = RateLimitEvent.objects.all()

    assert events.active(NOW).count() == 0
    assert set(events.values_list("kind", flat=True)) == {"minute", "day", "daily", "unknown_limit"}
    assert HourlyUsage.objects.aggregate(Sum("rate_limited"))["rate_limited__sum"] == events.count()


@pytest.mark.usefixtures("_keys")
def test_its_clients_have_tokens_of_every_state_with_a_month_of_usage() -> None:
    write_clients(NOW)

    tokens = {token.name: token for token in ClientToken.objects.all()}
    assert {name: standing_of(token, NOW) for name, token in tokens.items()} == {
        "mobile-app": "active",
        "nightly-batch": "active",
        "notebooks": "active",
        "old-website": "revoked",
        "support-bot": "expiring",
        "trial": "expired",
    }
    for client in CLIENTS:
        assert tokens[client.name].token_hash == token_hash(client.token, settings.SECRET_KEY)
        assert SHAPE.fullmatch(client.token.encode())
    first = NOW.date() - timedelta(days=29)
    assert TokenUsage.objects.aggregate(first=Min("day"), last=Max("day")) == {
        "first": first,
        "last": NOW.date(),
    }


@pytest.mark.django_db
def test_nothing_is_made_up_for_other_keys(tmp_path: Path) -> None:
    import_groups(tmp_path, {"groups": [group(["KEY-A"], "http://127.0.0.1:1")]})

    with pytest.raises(WrongDatabase):
        write_history(NOW)
    assert MinuteUsage.objects.count() == 0
