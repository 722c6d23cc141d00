"""The plain Django way: no make, no `serve`."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import httpx
import pytest

from proxyapp.vocabulary.masking import masked_key
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import ROOT, Gateway, group
from tests.support.ports import free_port
from tests.support.waiting import wait_for

DAPHNE = [str(Path(sys.executable).with_name("daphne")), "gateway.asgi:application"]
UVICORN = [sys.executable, "-m", "uvicorn", "gateway.asgi:application"]
TOKEN = "gk-" + "x" * 43
RUNSERVER = [sys.executable, "manage.py", "runserver", "--noreload"]


@pytest.mark.parametrize(
    "command",
    [[*DAPHNE, "-p", "{port}"], [*UVICORN, "--port", "{port}"], [*RUNSERVER, "{port}"]],
    ids=["daphne", "uvicorn", "runserver"],
)
def test_migrate_createsuperuser_import_and_any_server(command, upstream: FakeUpstream):
    gateway = Gateway(
        {"groups": [group(["KEY-A", "KEY-B"], upstream.url, auth="google")]}, is_migrated=False
    )
    gateway.environment |= {"DJANGO_SUPERUSER_PASSWORD": "a-long-password"}
    try:
        steps = [
            ["migrate"],
            ["createsuperuser", "--noinput", "--username", "root", "--email", "r@x.example"],
        ]
        for step in [*steps, ["import_config", str(gateway.config_path)]]:
            done = gateway.manage(*step)
            assert done.returncode == 0, done.stderr
        answers, said = answers_of([part.format(port=gateway.port) for part in command], gateway)
        keys = gateway.keys()
    finally:
        gateway.close()

    assert answers == [200, 200, 200]
    assert "MARKER" not in said
    assert TOKEN not in said
    assert f"/static/{masked_key(TOKEN)}" in said, "Django warns of it"
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-A"]
    assert [key["requests"] for key in keys] == [2, 1], "written at the end, too"


def answers_of(command: list[str], gateway: Gateway) -> tuple[list[int], str]:
    """And what the server wrote: a client's credential may be in the query."""
    output = gateway.config_path.with_name("output")
    with output.open("wb") as file:
        answers = answers_while(command, gateway, file)
    return answers, output.read_text()


def answers_while(command: list[str], gateway: Gateway, output: IO[bytes]) -> list[int]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=gateway.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        wait_for(lambda: is_up(gateway.url), 60)
        httpx.get(f"{gateway.url}/static/{TOKEN}", trust_env=False)
        return [
            httpx.get(gateway.url + "/v1beta/models?key=MARKER", trust_env=False).status_code
            for _ in range(3)
        ]
    finally:
        process.send_signal(signal.SIGINT if "runserver" in command else signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def is_up(url: str) -> bool:
    try:
        return httpx.get(url + "/healthz", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_BODY_BYTES", "many"),
        ("CONNECT_TIMEOUT_SECONDS", "0"),
        ("RATE_LIMIT_RESET_TIME", "25:00"),
        ("RATE_LIMIT_RESET_TZ", "Mars/Olympus"),
        ("DEBUG", "maybe"),
        ("DATABASE_URL", "post://u:MARKER@h/x"),
        ("DATABASE_URL", "postgresql://u:MAR/KER@h:5432/x"),
        ("DATABASE_URL", "MARKER"),
        ("VAR_DIR", "/proc/nowhere"),
        ("UPSTREAM_CA_FILE", "/nowhere/ca.pem"),
    ],
)
def test_a_bad_setting_is_one_clear_line(name: str, value: str, tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path),
        "ENV_FILE": os.devnull,
        name: value,
    }
    command = [sys.executable, "manage.py", "serve", "--port", str(free_port())]

    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert name in done.stderr or value in done.stderr
    assert "Traceback" not in done.stderr
    assert "MARKER" not in done.stderr
    assert "KER@" not in done.stderr


def test_a_python_without_django_is_told_which_one_to_use():
    command = [sys.executable, "-S", "manage.py", "keys", "list"]

    done = subprocess.run(
        command, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert ".venv/bin/python manage.py" in done.stderr
