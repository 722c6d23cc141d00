"""SIGHUP to one process: its config file is read again, and no connection ends."""

import json
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from gateway import start_environment
from proxyapp.config.file import ServerConfig
from proxyapp.models import ApiKey, AuditEntry
from proxyapp.process import config_reload
from proxyapp.process.config_reload import ConfigReload
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import STOP_SECONDS, Gateway, group
from tests.support.pool_data import secret
from tests.support.raw_client import RawClient
from tests.support.waiting import wait_for

ONE, TWO, THREE = (secret(label) for label in ("one", "two", "three"))
DONE = "The config was read again."


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Path:
    monkeypatch.setattr(start_environment, "GIVEN", {})
    settings.ENV_FILE = tmp_path / ".env"
    # They run on the test's own connection.
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    return tmp_path / "config.yaml"


def write(path: Path, *keys: str, **server: object) -> None:
    groups = [{"name": "a", "api_keys": list(keys)}] if keys else []
    path.write_text(json.dumps({"server": server, "groups": groups}))


def reload_of(path: Path, **fields: Any) -> ConfigReload:
    return ConfigReload(
        path, **{"is_needed": True, "server": ServerConfig(), "addresses": [], **fields}
    )


def secrets_in_use() -> set[str | None]:
    return {key.secret for key in ApiKey.objects.filter(status="active")}


@pytest.mark.django_db
def test_what_changed_takes_effect_and_is_in_the_log_and_the_audit_log(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, ONE)
    reload = reload_of(path)
    reload.run()
    write(path, ONE, TWO)
    caplog.clear()

    reload.run()

    assert secrets_in_use() == {ONE, TWO}
    assert f"{path}: keys: 1 created, 0 updated, 1 unchanged, 0 removed" in caplog.messages
    assert caplog.messages[-1] == DONE
    assert TWO not in caplog.text
    entries = AuditEntry.objects.filter(action="import")
    assert [(entry.actor, entry.label) for entry in entries] == [("reload", str(path))] * 2


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["groups: [{name: a, api_keys: [", "", "groups: [{name: a}]"])
def test_half_a_file_changes_nothing(
    path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, ONE)
    reload = reload_of(path)
    reload.run()
    path.write_text(text)
    caplog.clear()

    reload.run()

    assert secrets_in_use() == {ONE}
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith(f"Groups and keys stay as they are. {path}: ")


@pytest.mark.django_db
def test_what_needs_a_start_is_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(path, port=9000)
    reload = reload_of(path)

    reload.run()
    reload.run()

    assert caplog.text.count("what has changed under server takes effect at a start") == 1


@pytest.mark.django_db
def test_without_a_file_the_variables_are_read_again(path: Path, settings: Any) -> None:
    reload = reload_of(path, is_needed=False, server=None)
    settings.ENV_FILE.write_text(f"GEMINI_API_KEYS={ONE},{TWO}\n")
    reload.run()
    assert secrets_in_use() == {ONE, TWO}

    settings.ENV_FILE.write_text(f"GEMINI_API_KEYS={ONE},{THREE}\n")
    reload.run()
    assert secrets_in_use() == {ONE, THREE}

    settings.ENV_FILE.write_text("GEMINI_API_KEYS='\n")
    reload.run()
    assert secrets_in_use() == {ONE, THREE}


@pytest.mark.django_db
def test_a_file_of_the_environment_is_read_again_and_watched(path: Path, settings: Any) -> None:
    keys = path.with_name("keys")
    settings.ENV_FILE.write_text(f"GEMINI_API_KEYS_FILE={keys}\n")
    reload = reload_of(path, is_needed=False, server=None)
    keys.write_text(ONE)
    reload.run()
    assert secrets_in_use() == {ONE}
    assert reload.files() == [path, keys]

    keys.write_text(f"{ONE}\n{TWO}\n")
    reload.run()
    keys.unlink()
    reload.run()
    assert secrets_in_use() == {ONE, TWO}, "a file that is missing takes nothing away"


@pytest.mark.django_db
def test_what_takes_a_key_out_is_a_warning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reload = reload_of(path)
    for keys in ((ONE, TWO, THREE), (ONE, TWO)):
        write(path, *keys)
        reload.run()

    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage().startswith(f"{path}: 1 key is no longer in the file")


@pytest.mark.django_db
def test_a_database_that_is_away_is_one_line_and_the_file_is_due_until_it_is_back(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, ONE)

    def away(*given: object, **named: object) -> None:
        raise OperationalError("connection refused")

    reload = reload_of(path)
    with monkeypatch.context() as patch:
        patch.setattr(config_reload, "apply_changes", away)
        reload.run()

    assert "does not work: connection refused" in caplog.text
    assert reload.is_due
    reload.run()
    assert not reload.is_due
    assert secrets_in_use() == {ONE}


def test_wishes_that_come_meanwhile_are_one_more_reading(path: Path) -> None:
    begun, go_on = threading.Semaphore(0), threading.Semaphore(0)
    over = threading.Event()

    class Counted(ConfigReload):
        def run(self) -> None:
            begun.release()
            go_on.acquire()

        def _run(self) -> None:
            super()._run()
            over.set()

    reload = Counted(path, is_needed=True, server=None, addresses=[])
    reload.begin()
    assert begun.acquire(timeout=10)
    for _ in range(5):
        reload.begin()
    go_on.release(2)

    assert over.wait(10)
    assert begun.acquire(timeout=10)
    assert not begun.acquire(blocking=False)


def test_what_the_database_could_not_take_is_tried_again_until_it_could(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_reload, "AGAIN_SECONDS", 0.02)
    runs = threading.Semaphore(0)

    class Away(ConfigReload):
        count = 0

        def run(self) -> None:
            self.count += 1
            self.is_due = self.count < 4
            runs.release()

    reload = Away(path, is_needed=True, server=None, addresses=[])
    reload.begin()

    for _ in range(4):
        assert runs.acquire(timeout=10)
    assert not runs.acquire(timeout=0.2)
    reload.begin()
    assert runs.acquire(timeout=10), "a later wish is heard"


@pytest.mark.once
@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_sighup_to_one_process_keeps_every_connection(
    server: str, shared_upstream: FakeUpstream
) -> None:
    keys = shared_upstream.url
    with Gateway({"groups": [group([ONE], keys)]}, server=server) as gateway:
        with RawClient(gateway.url) as client:
            assert client.request("GET", "/healthz").status == 200
            gateway.config_path.write_text(json.dumps({"groups": [group([ONE, TWO], keys)]}))
            wait_for(lambda: "Keys:  1 in 1 group" in gateway.output())
            gateway.signal(signal.SIGHUP)
            wait_for(lambda: DONE in gateway.output())

            assert client.request("GET", "/healthz").status == 200
        assert len(gateway.keys()) == 2
        assert code_of_an_end_with_hangups(gateway) == 0
        assert "Traceback" not in gateway.output()


def code_of_an_end_with_hangups(gateway: Gateway) -> int:
    gateway.signal(signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while time.monotonic() < end:
        gateway.signal(signal.SIGHUP)
        with suppress(subprocess.TimeoutExpired):
            return gateway.wait(0.001)
    return gateway.wait(0)
