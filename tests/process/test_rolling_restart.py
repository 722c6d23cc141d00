"""SIGHUP to `serve --workers 2`: new workers first, then the old ones go."""

import os
import pty
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import ROOT, Gateway, group
from tests.support.gateway_database import counted_by_hour
from tests.support.raw_client import RawClient, exchange
from tests.support.reliability_figures import note
from tests.support.steady_load import PATH, SteadyLoad
from tests.support.waiting import wait_for

SECONDS = 60
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
BEGUN, DONE, GIVEN_UP = (
    "A rolling restart begins.",
    "Restarted: 2 new workers",
    "The restart was given up",
)

of_one_server = pytest.mark.parametrize("gateway", ["daphne"], indirect=True)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    config = {"groups": [group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google")]}
    with Gateway(config, server=request.param, args=["--workers", "2"]) as running:
        wait_for(lambda: "Proxy: " in running.output(), SECONDS)
        yield running


def workers(gateway: Gateway) -> set[psutil.Process]:
    return {
        each
        for each in psutil.Process(gateway.pid).children()
        if each.status() != psutil.STATUS_ZOMBIE
    }


def restart(gateway: Gateway, outcome: str = DONE) -> None:
    before = gateway.output().count(outcome)
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: gateway.output().count(outcome) > before, SECONDS)


def requests_told(gateway: Gateway) -> int:
    """Of all workers, those that are gone too."""
    text = httpx.get(f"{gateway.url}/metrics", trust_env=False, timeout=20).text
    return sum(map(int, re.findall(r"^gateway_requests_total\{.*\} (\d+)", text, re.MULTILINE)))


def test_no_request_fails_while_the_workers_are_replaced(
    gateway: Gateway, google: FakeUpstream
) -> None:
    before, counted = workers(gateway), counted_by_hour(gateway)
    told_before = requests_told(gateway)
    with (
        SteadyLoad(gateway.url, rate=100, keeps_alive=True) as kept,
        SteadyLoad(gateway.url, rate=100, keeps_alive=False) as fresh,
    ):
        wait_for(lambda: kept.answered() > 10 and fresh.answered() > 10)
        told = requests_told(gateway)
        restart(gateway)
        assert requests_told(gateway) >= told
        answered = kept.answered(), fresh.answered()
        wait_for(lambda: kept.answered() > answered[0] + 50 and fresh.answered() > answered[1] + 50)

    assert [*kept.failed, *fresh.failed] == []
    wait_for(lambda: not workers(gateway) & before, SECONDS)
    assert len(workers(gateway)) == 2
    wait_for(lambda: counted_by_hour(gateway) - counted == len(google.requests))
    wait_for(lambda: requests_told(gateway) - told_before == len(google.requests))


def test_a_stream_and_an_idle_connection_outlast_the_restart(
    gateway: Gateway, google: FakeUpstream
) -> None:
    held = google.held_stream(STREAM)
    with RawClient(gateway.url) as streaming, RawClient(gateway.url) as idle:
        assert idle.request("POST", PATH, body=b"{}").status == 200
        streaming.send(
            b"POST %s?alt=sse HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % STREAM.encode()
        )
        assert held.started.wait(10)
        held.send_event(1)

        restart(gateway)
        time.sleep(0.5)  # longer than a shutdown would leave an idle connection
        last = idle.request("POST", PATH, body=b"{}")
        held.send_event(2)
        held.finish()

        assert (last.status, last.values("connection")) == (200, ["close"])
        streamed = streaming.read_response()
    assert streamed.is_complete
    assert b"event 2" in streamed.body


@of_one_server
def test_a_bad_file_is_said_and_the_old_workers_go_on(
    gateway: Gateway, google: FakeUpstream
) -> None:
    good, before = gateway.config_path.read_text(), workers(gateway)
    gateway.config_path.write_text("groups: [{name: a, api_keys: [K], target_url: nowhere}]\n")

    restart(gateway, GIVEN_UP)
    gateway.config_path.write_text(good)

    assert f"{gateway.config_path}: groups[0].target_url: " in gateway.output()
    wait_for(lambda: len(workers(gateway)) == 2, SECONDS)  # those of earlier restarts have gone
    assert workers(gateway) <= before
    assert exchange(gateway.url, "POST", PATH, body=b"{}").status == 200


@of_one_server
def test_a_file_without_keys_is_said_and_the_keys_stay_in_use(
    gateway: Gateway, google: FakeUpstream
) -> None:
    good = gateway.config_path.read_text()
    gateway.config_path.write_text("groups: []\n")

    restart(gateway, GIVEN_UP)
    gateway.config_path.write_text(good)

    assert f"{gateway.config_path}: would take out " in gateway.output()
    assert exchange(gateway.url, "POST", PATH, body=b"{}").status == 200


@of_one_server
def test_a_hangup_during_a_restart_is_another_restart_with_what_the_file_says_then(
    gateway: Gateway, google: FakeUpstream
) -> None:
    begun, done = gateway.output().count(BEGUN), gateway.output().count(DONE)
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: len(workers(gateway)) >= 4, SECONDS)  # past the preparation
    config = yaml.safe_load(gateway.config_path.read_text())
    config["groups"].append(group(["KEY-C"], google.url, name="third", auth="google"))
    gateway.config_path.write_text(yaml.safe_dump(config))

    gateway.signal(signal.SIGHUP)

    wait_for(lambda: gateway.output().count(DONE) == done + 2, SECONDS)
    assert gateway.output().count(BEGUN) == begun + 2
    assert exchange(gateway.url, "POST", f"/g/third{PATH}", body=b"{}").status == 200
    assert google.last.key == "KEY-C"


def test_a_worker_that_gets_a_sigterm_is_replaced_while_it_drains(
    gateway: Gateway, google: FakeUpstream
) -> None:
    held = google.held_stream(STREAM)
    with RawClient(gateway.url) as streaming:
        streaming.send(
            b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % STREAM.encode()
        )
        assert held.started.wait(10)
        before = workers(gateway)
        for worker in before:
            worker.terminate()
        wait_for(lambda: len(workers(gateway) - before) == 2, SECONDS)

        assert exchange(gateway.url, "GET", "/healthz").status == 200
        held.finish()
        assert streaming.read_response().is_complete
    wait_for(lambda: not workers(gateway) & before, SECONDS)


def test_sigterm_in_the_middle_of_a_restart_ends_everything_with_0(
    shared_upstream: FakeUpstream,
) -> None:
    with Gateway({"groups": []}, args=["--workers", "2"]) as gateway:
        wait_for(lambda: "Proxy: " in gateway.output(), SECONDS)
        old = workers(gateway)
        gateway.signal(signal.SIGHUP)
        wait_for(lambda: len(workers(gateway) - old) >= 2, SECONDS)  # past the preparation
        all_of_them = workers(gateway)

        assert gateway.stop() == 0

        assert not any(each.is_running() for each in all_of_them)
        assert "Traceback" not in gateway.output()


def test_new_settings_take_effect_and_bad_ones_leave_the_old_workers(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("MAX_BODY_BYTES=10\n")
    with Gateway({"groups": []}, args=["--workers", "2"], env={"ENV_FILE": str(file)}) as gateway:
        wait_for(lambda: "Proxy: " in gateway.output(), SECONDS)
        assert exchange(gateway.url, "POST", PATH, body=bytes(100)).status == 413
        file.write_text("MAX_BODY_BYTES=many\n")
        restart(gateway, GIVEN_UP)
        assert exchange(gateway.url, "POST", PATH, body=bytes(100)).status == 413

        file.write_text("MAX_BODY_BYTES=1000\n")
        restart(gateway)

        assert "MAX_BODY_BYTES" in gateway.output()
        assert exchange(gateway.url, "POST", PATH, body=bytes(100)).status == 503, "it has no key"


def test_one_process_survives_a_hangup_and_says_what_to_do() -> None:
    with Gateway({"groups": []}) as gateway:
        gateway.signal(signal.SIGHUP)

        wait_for(lambda: "`serve --workers 2` can" in gateway.output())
        assert exchange(gateway.url, "GET", "/healthz").status == 200
        assert gateway.stop() == 0


def test_a_hangup_in_the_first_moments_waits_until_it_can_be_acted_on() -> None:
    gateway = Gateway({"groups": []})
    settings = gateway.directory / "settings"
    os.mkfifo(settings)
    gateway.environment["ENV_FILE"] = str(settings)
    try:
        gateway.launch()
        with settings.open("w"):  # once the gateway reads it
            gateway.signal(signal.SIGHUP)

        wait_for(lambda: "`serve --workers 2` can" in gateway.output(), SECONDS)
        wait_for(lambda: "Keys: " in gateway.output(), SECONDS)
        assert gateway.stop() == 0
    finally:
        gateway.close()


@pytest.mark.parametrize("count", ["1", "2"])
def test_it_ends_in_order_when_its_terminal_closes(count: str) -> None:
    gateway = Gateway({"groups": []})
    command = [
        sys.executable,
        "manage.py",
        "serve",
        "--config",
        str(gateway.config_path),
        "--port",
        str(gateway.port),
    ]
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        os.chdir(ROOT)
        os.execve(sys.executable, [*command, "--workers", count], gateway.environment)
    seen = b""
    while b"\n" not in seen.partition(b"Keys: ")[2]:  # the line is whole
        seen += os.read(terminal, 65536)
    os.close(terminal)

    wait_for(lambda: psutil.Process(child).status() == psutil.STATUS_ZOMBIE, SECONDS)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gateway.close()


@pytest.mark.soak
@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_ten_restarts_at_200_requests_a_second(server: str, upstream: FakeUpstream) -> None:
    config = {"groups": [group(["KEY-A", "KEY-B"], upstream.url, auth="google")]}
    with Gateway(config, server=server, args=["--workers", "2"]) as gateway:
        wait_for(lambda: "Proxy: " in gateway.output(), SECONDS)
        with (
            SteadyLoad(gateway.url, rate=100, keeps_alive=True) as kept,
            SteadyLoad(gateway.url, rate=100, keeps_alive=False) as fresh,
        ):
            for _ in range(10):
                restart(gateway)
        assert gateway.stop() == 0
        sent = [*kept.sent, *fresh.sent]
        slowest = max(each.ended_at - each.sent_at for each in sent)
        note(
            f"rolling restart, {server}: 10 restarts, {len(sent)} requests at 200/s, "
            f"{len(kept.failed) + len(fresh.failed)} failed, slowest answer {slowest * 1000:.0f} ms"
        )
        assert [*kept.failed, *fresh.failed] == []
        assert counted_by_hour(gateway) == len(upstream.requests)
