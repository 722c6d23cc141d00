"""`manage.py serve`, as an operator starts it."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support import forked_process
from tests.support.gateway import ROOT, Gateway, group
from tests.support.ports import free_port
from tests.support.waiting import wait_for

SERVERS = ["daphne", "uvicorn"]
EMPTY: dict[str, Any] = {"groups": []}


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    yield tmp_path
    assert Path.cwd() == before


def serve(
    directory: Path, *arguments: str, manage: Sequence[str] = ("serve",), **environment: str
) -> "subprocess.CompletedProcess[str]":
    """A start that is expected to fail, in a directory that has no config.yaml of its own."""
    return forked_process.run(
        [str(ROOT / "manage.py"), *manage, *arguments],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "GATEWAY_PURE": os.environ.get("GATEWAY_PURE", ""),
            "VAR_DIR": str(directory / "var"),
            "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
            **environment,
        },
        timeout=30,
    )


def the_one_line(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr.strip()


def test_a_comment_in_the_file_of_settings_never_becomes_the_secret(directory: Path) -> None:
    (directory / "env").write_text("DEBUG=false\nSECRET_KEY=   # generate with MARKER\n")

    line = the_one_line(serve(directory, ENV_FILE=str(directory / "env")))

    assert line.startswith(f"Bad setting: {directory}/env: line 2 has a `#` in or after its value")
    assert "put the comment on a line of its own" in line
    assert "MARKER" not in line
    assert not (directory / "db.sqlite3").exists()


def test_a_secret_file_with_a_short_secret_is_refused(directory: Path) -> None:
    (directory / "var").mkdir()
    (directory / "var" / "secret_key").write_text("short-MARKER\n")

    line = the_one_line(serve(directory, ENV_FILE=os.devnull))

    assert line.startswith(f"Bad setting: The first line of {directory}/var/secret_key has fewer")
    assert "MARKER" not in line


# A start that goes well.


def test_keys_that_the_secret_does_not_open_are_said_once_at_the_start() -> None:
    with Gateway({"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:9")]}) as gateway:
        gateway.stop()
        gateway.environment["SECRET_KEY"] = "another-one-0123456789-0123456789-0123456789"
        gateway.config_path.write_text(yaml.safe_dump(EMPTY))
        gateway.start()

        wait_for(lambda: "Keys: " in gateway.output().partition("warning: ")[2])
        assert (
            gateway.output().count(
                "warning: SECRET_KEY does not open 2 API keys, so they are not used: "
            )
            == 1
        )


@pytest.mark.parametrize("server", SERVERS)
def test_the_first_start_says_everything_and_the_second_no_password(server: str) -> None:
    config = {"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:1")]}
    with Gateway(config, server=server, is_migrated=False, is_forked=False) as gateway:
        first = gateway.output()
        assert gateway.stop() == 0
        gateway.start()
        second = gateway.output().removeprefix(first)

    assert f"Proxy: {gateway.url}\nAdmin: {gateway.url}/admin/\n" in first
    assert re.search(r"^Login: admin, password \S{12,} ", first, re.MULTILINE)
    assert "Keys:  2 in 1 group\n" in first
    assert "Login" not in second
    assert "Keys:  2 in 1 group\n" in second
    assert "Traceback" not in first + second


def test_the_generated_password_opens_the_admin() -> None:
    with Gateway(EMPTY, is_migrated=False, is_forked=False) as gateway:
        found = re.search(r"password (\S+)", gateway.output())
        assert found
        with httpx.Client(base_url=gateway.url, trust_env=False) as browser:
            browser.get("/admin/login/")
            form = {
                "username": "admin",
                "password": found[1],
                "csrfmiddlewaretoken": browser.cookies["gateway_csrf"],
            }
            answer = browser.post("/admin/login/?next=/admin/", data=form)

    assert (answer.status_code, answer.headers["location"]) == (302, "/admin/")


def test_what_a_start_makes_is_readable_by_its_owner_only_whatever_the_umask() -> None:
    before = os.umask(0)
    try:
        with Gateway(EMPTY, is_migrated=False, is_forked=False) as gateway:
            made = [
                path
                for path in gateway.directory.rglob("*")
                if path.name not in ("config.yaml", "output")
            ]
            modes = {path.name: path.stat().st_mode & 0o777 for path in made}
    finally:
        os.umask(before)

    assert (modes.pop("var"), modes.pop("tmp")) == (0o700, 0o700)
    assert "secret_key" in modes
    assert set(modes.values()) == {0o600}
    if gateway.database_url.startswith("sqlite"):
        assert {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"} <= modes.keys()


def test_the_administrator_of_the_environment_is_made_and_the_password_not_shown() -> None:
    environment = {"DJANGO_SUPERUSER_USERNAME": "ops", "DJANGO_SUPERUSER_PASSWORD": "given-secret"}
    with Gateway(EMPTY, env=environment, is_migrated=False, is_forked=False) as gateway:
        output = gateway.output()

    assert "Login: ops, the password of DJANGO_SUPERUSER_PASSWORD" in output
    assert "given-secret" not in output


def test_placeholders_start_with_a_warning_and_the_way_to_add_a_key() -> None:
    config = {"groups": [group(["YOUR_GEMINI_API_KEY_1"], "http://127.0.0.1:1")]}
    with Gateway(config) as gateway:
        output = gateway.output()
        answer = httpx.get(f"{gateway.url}/v1beta/models", trust_env=False)

    assert "placeholders skipped (groups[0].api_keys[0])" in output
    assert "Keys:  none yet" in output
    assert answer.status_code == 503


def test_an_edit_of_the_file_takes_effect_at_the_next_start() -> None:
    config = {"groups": [group(["KEY-A"], "http://127.0.0.1:1")]}
    with Gateway(config) as gateway:
        gateway.stop()
        config["groups"].append(group(["KEY-B"], "http://127.0.0.1:1", name="second"))
        gateway.config_path.write_text(yaml.safe_dump(config))
        gateway.start()

        assert "Keys:  2 in 2 groups\n" in gateway.output()


def test_a_missing_key_is_disabled_and_a_file_without_keys_stops_the_start() -> None:
    config = {"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:1")]}
    with Gateway(config) as gateway:
        gateway.stop()
        config["groups"][0]["api_keys"] = ["KEY-A"]
        gateway.config_path.write_text(yaml.safe_dump(config))
        gateway.start()
        output = gateway.output()
        gateway.stop()
        gateway.config_path.write_text("groups: []\n")
        stopped = gateway.manage("serve", "--config", str(gateway.config_path))
        listed = gateway.manage("keys", "list").stdout

    assert output.count("1 key is no longer in the file and disabled now") == 1
    assert stopped.returncode == 1
    assert stopped.stderr.count("\n") == 1
    way_out = f"import_config --prune {gateway.config_path}`"
    assert "would take out 1 of the 1 keys in use" in stopped.stderr
    assert way_out in stopped.stderr
    assert "disabled (missing from the config file)" in listed
    assert "available" in listed


@pytest.mark.parametrize(("policy", "times"), [("daily", 1), ("quota_aware", 0)])
def test_a_start_says_in_one_line_what_daily_costs(policy: str, times: int) -> None:
    its = group(["KEY-A"], "http://127.0.0.1:1", rate_limit_policy=policy)
    with Gateway({"groups": [its]}) as gateway:
        said = gateway.output()

    line = f"rate_limit_policy daily ({its['name']}): any 429 takes a key out until "
    assert said.count(line) == times


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("server", SERVERS)
def test_a_signal_ends_it_with_0(server: str, number: int) -> None:
    with Gateway(EMPTY, server=server) as gateway:
        gateway.signal(number)

        assert gateway.wait(10) == 0
        assert "Traceback" not in gateway.output()


def test_host_and_port_of_the_command_line_beat_those_of_the_file() -> None:
    config = {"server": {"host": "192.0.2.1", "port": 1, "allow_anonymous": True}, "groups": []}
    with Gateway(config, args=["--host", "::"]) as gateway:
        assert f"Proxy: http://[::1]:{gateway.port}\n" in gateway.output()
        assert httpx.get(f"http://[::1]:{gateway.port}/healthz", trust_env=False).status_code == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_allow_anonymous_of_the_file_reaches_every_process(workers: str) -> None:
    config = {"server": {"allow_anonymous": True}, "groups": []}
    with Gateway(config, args=["--host", "0.0.0.0", "--workers", workers]) as gateway:
        answers = [
            httpx.get(f"http://{_other_address()}:{gateway.port}/x", trust_env=False)
            for _ in range(4)
        ]

    assert {answer.status_code for answer in answers} == {503}, "let in, and there is no key"


def test_with_a_token_it_listens_to_others_who_need_one_even_when_it_is_gone() -> None:
    gateway = Gateway(EMPTY, args=["--host", "0.0.0.0"])
    try:
        gateway.manage("tokens", "create", "laptop")
        gateway.start()
        url = f"http://{_other_address()}:{gateway.port}/x"
        before = httpx.get(url, trust_env=False)
        gateway.manage("shell", "--no-imports", "-c", DELETE_TOKENS)
        models = f"{gateway.url}/v1beta/models"
        wait_for(lambda: httpx.get(models, trust_env=False).status_code == 503)
        after = httpx.get(url, trust_env=False)
    finally:
        gateway.close()

    assert (before.status_code, after.status_code) == (401, 401)
    assert "serves its own machine only" in after.text


DELETE_TOKENS = """
from proxyapp.access import token_store
from proxyapp.models import audit
from proxyapp.models import ClientToken
token_store.delete(ClientToken.objects.values_list("pk", flat=True), audit.START)
"""


def _other_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


# A start that fails: one line, exit 1, nothing done.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "0"], "Port '0' is not a number from 1 to 65535."),
        (["--port", "70000"], "Port '70000' is not a number from 1 to 65535."),
        (["--port", "http"], "Port 'http' is not a number from 1 to 65535."),
        (
            ["--host", "no such host"],
            "Host 'no such host' is not an address of this machine: it cannot be resolved.",
        ),
        (["--host", "192.0.2.1"], "Host '192.0.2.1' is not an address of this machine."),
        (
            ["--host", ""],
            "The host is empty: name an address of this machine, such as 127.0.0.1 or 0.0.0.0.",
        ),
        (["--workers", "0"], "--workers '0' is not a number from 1 to 256."),
        (["--workers", "many"], "--workers 'many' is not a number from 1 to 256."),
        (["--config", "missing.yaml"], "missing.yaml: cannot be read: No such file or directory"),
        (["--config", "."], ".: cannot be read: Is a directory"),
    ],
)
def test_a_bad_argument_is_one_line_and_changes_nothing(
    directory: Path, arguments: list[str], message: str
) -> None:
    assert the_one_line(serve(directory, *arguments)) == message
    assert not (directory / "db.sqlite3").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_of_others_without_a_token_is_refused_with_the_ways_out(
    directory: Path, host: str
) -> None:
    line = the_one_line(serve(directory, "--host", host, "--port", str(free_port())))

    assert "manage.py tokens create NAME" in line
    assert "GATEWAY_CLIENT_TOKEN" in line
    assert "allow_anonymous: true under server" in line
    assert "ALLOW_ANONYMOUS=true" in line
    made = serve(directory, manage=("tokens", "create", "laptop"))
    assert (made.returncode, made.stdout[:3]) == (0, "gk-"), "the way out is open"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_busy_port_is_one_line_and_changes_nothing(directory: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])

        line = the_one_line(serve(directory, "--port", port, "--workers", workers))

    assert line.startswith(f"127.0.0.1:{port} is in use by another program")
    assert not (directory / "db.sqlite3").exists()


def test_all_problems_of_a_config_are_reported_each_on_its_line(directory: Path) -> None:
    path = directory / "bad.yaml"
    path.write_text(
        "server: {port: 70000}\ngroups: [{name: a, api_keys: [K], target_url: nowhere}]\n"
    )

    done = serve(directory, "--config", str(path))

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert {line.split(": ")[1] for line in lines} == {"server.port", "groups[0].target_url"}
    assert not (directory / "db.sqlite3").exists()


def test_an_unreachable_database_is_one_line_without_its_password(directory: Path) -> None:
    url = f"postgres://user:hunter2@127.0.0.1:{free_port()}/gateway"

    line = the_one_line(serve(directory, "--port", str(free_port()), DATABASE_URL=url))

    assert line.startswith("The database (postgresql 127.0.0.1:")
    assert "hunter2" not in line


def test_a_file_that_is_no_database_is_one_line(directory: Path) -> None:
    (directory / "db.sqlite3").write_bytes(b"no database" * 1000)

    line = the_one_line(serve(directory, "--port", str(free_port())))

    assert (
        line
        == f"The database (sqlite {directory / 'db.sqlite3'}) does not work: file is not a database"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROTATION_LEASE", "abc"),
        ("RATE_LIMIT_RESET_TZ", "Mars/Base"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("ALLOWED_HOSTS", "https://gateway.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "gateway.example.com"),
        ("DATABASE_URL", "postgresql://user@host"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///x?timeout=abc"),
        ("DATABASE_URL", "sqlite:////proc/nowhere/db.sqlite3"),
        ("ENV_FILE", "/no/such/file"),
        ("VAR_DIR", "/proc/nowhere"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_bad_setting_is_one_line_that_names_it(
    directory: Path, command: str, name: str, value: str
) -> None:
    assert name in the_one_line(serve(directory, manage=(command,), **{name: value}))


def test_a_data_directory_that_cannot_be_made_is_one_line(directory: Path) -> None:
    (directory / "file").touch()

    line = the_one_line(serve(directory, VAR_DIR=str(directory / "file" / "var")))

    assert str(directory / "file") in line
