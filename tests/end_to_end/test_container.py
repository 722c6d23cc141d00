"""The image of the Dockerfile, run in a namespace: its user, read-only tree, volume, signals."""

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import container as image
from tests.support.container import Container, first_process
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import group, migrated_template
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(bool(image.trouble()), reason=image.trouble() or "it can be run"),
]

TOKEN = "gk-token-of-the-container"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"


@pytest.fixture
def container(tmp_path: Path, upstream: FakeUpstream) -> Container:
    """With a database that is up to date, which saves time, and a group in its config file."""
    made = Container(tmp_path)
    database = Path(shutil.copyfile(migrated_template(has_user=True), made.volume / "db.sqlite3"))
    database.chmod(0o600)
    config = made.image / "config.yaml"
    config.write_text(
        str({"groups": [group(["KEY-OF-THE-CONTAINER"], upstream.url, auth="google")]})
    )
    for path in (database, config):
        os.chown(path, *image.user())
    config.chmod(0o600)
    (made.image / "token").write_text(f"{TOKEN}\n")
    return made


def serve_arguments(port: int) -> list[str]:
    return [text.replace("8080", str(port)) for text in image.command("CMD")]


def is_healthy(container: "subprocess.Popen[str]", port: int, user: str = "") -> bool:
    """By the image's own question, which wants no shell."""
    command = [text.replace("8080", str(port)) for text in image.command("HEALTHCHECK")]
    return image.inside(container, user or image.said("USER"), command) == 0


def test_it_asks_for_a_token_serves_and_lets_requests_end(
    container: Container, upstream: FakeUpstream
) -> None:
    port = free_port()
    url = f"http://[::1]:{port}{STREAM}"
    refused = container.run(*serve_arguments(port))
    held = upstream.held_stream(STREAM)
    with served(container, port) as process, httpx.Client(trust_env=False, timeout=60) as client:
        stranger = client.post(url, json={})
        client.headers["x-goog-api-key"] = TOKEN
        held.send_event(1)
        with client.stream("POST", url, json={}) as answer:
            parts = answer.iter_raw()
            first = next(parts)
            os.kill(first_process(process), signal.SIGTERM)
            wait_for(lambda: not is_healthy(process, port), 60)
            held.send_event(2)
            held.finish()
            rest = b"".join(parts)
        code = process.wait(60)

    assert (refused.returncode, code) == (1, 0)
    assert "tokens create NAME" in refused.stderr.splitlines()[-1]
    assert "GATEWAY_CLIENT_TOKEN" in refused.stderr.splitlines()[-1]
    assert stranger.status_code == 401
    assert (b"event 1" in first, b"event 2" in rest) == (True, True)
    assert {path.stat().st_uid for path in container.volume.rglob("*")} == {image.user()[0]}
    assert not [path for path in files_in(container.volume) if path.stat().st_mode & 0o077]


@contextmanager
def served(container: Container, port: int) -> Iterator["subprocess.Popen[str]"]:
    log = container.volume.parent / "output"
    with (
        log.open("w") as output,
        container.running(
            *serve_arguments(port),
            env=[f"GATEWAY_CLIENT_TOKEN_FILE={image.HOME}/token"],
            stdout=output,
            stderr=output,
        ) as process,
    ):
        wait_for(lambda: "Proxy: " in log.read_text() or process.poll() is not None, 90)
        assert is_healthy(process, port), log.read_text()
        assert is_healthy(process, port, "0:0")
        yield process
    assert "chmod" not in log.read_text(), "others could read a file"
    assert TOKEN not in log.read_text()


def files_in(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if stat.S_ISREG(path.stat().st_mode))


def test_a_stop_in_the_middle_of_a_start_ends_it(container: Container) -> None:
    """The kernel keeps signals from a first process that has not asked for them."""
    log = container.volume.parent / "output"
    with (
        log.open("w") as output,
        container.running(*serve_arguments(free_port()), stdout=output, stderr=output) as process,
    ):
        wait_for(lambda: hears_termination(process))
        os.kill(first_process(process), signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    assert "Proxy: " not in log.read_text()


def hears_termination(process: "subprocess.Popen[str]") -> bool:
    try:
        status = Path(f"/proc/{first_process(process)}/status").read_text()
    except (OSError, IndexError):
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_its_user_and_the_place_of_its_data_are_made(tmp_path: Path) -> None:
    lines = image.made_user(tmp_path).splitlines()

    assert lines == [
        f"gateway:x:{image.said('USER')}::{image.VOLUME}:/usr/sbin/nologin",
        f"700 {image.said('USER')}",
    ]
