"""Terminals and pipes that take ASCII only: everything prints, and what programs read means the
same.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from proxyapp.vocabulary.terminal import takes_unicode
from tests.support.gateway import ROOT, Gateway, group
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

TARGET = "http://127.0.0.1:9"
NAMES = ["Büro", "ключи", "鍵", "🔑", "plain", "sixth", "seventh"]
ASCII_ONLY = {
    "pipe": {"PYTHONIOENCODING": "ascii"},
    "latin": {"PYTHONIOENCODING": "latin-1:strict"},
    "C": {"LANG": "C"},
    "C-without-utf8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
COMMANDS = sorted(
    path.stem for path in (ROOT / "proxyapp" / "management" / "commands").glob("[a-z]*.py")
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Not started: its database has groups, keys and tokens with names in many scripts."""
    groups = [
        group([{"key": f"KEY-{index}-0123", "name": name}], TARGET, name=name)
        for index, name in enumerate(NAMES)
    ]
    made = Gateway({"groups": groups})
    for step in (["import_config", str(made.config_path)], ["tokens", "create", "Büro"]):
        done = made.manage(*step)
        assert done.returncode == 0, done.stderr
    yield made
    made.close()


def manage(
    gateway: Gateway, terminal: str, *arguments: str
) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=gateway.environment | ASCII_ONLY[terminal],
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"codec" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_prints(gateway: Gateway, command: str) -> None:
    done = manage(gateway, "pipe", command, "--help")

    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"usage:" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "list"],
        ["keys", "disable", "Büro"],
        ["keys", "test", "🔑"],
        ["tokens", "list"],
        ["tokens", "create", "Größe"],
        ["groups", "credentials", "ключи"],
        ["import_config", "{config}", "--dry-run", "--prune"],
        ["export_config", "--mask"],
        ["backup", "{config}/none"],
        ["prune"],
        ["signin", "unlock"],
        ["signin", "reset-second-factor", "Łukasz"],
        ["check"],
        ["no-such-cömmand"],
    ],
    ids=" ".join,
)
def test_what_commands_say_prints(gateway: Gateway, arguments: list[str]) -> None:
    given = [part.format(config=gateway.config_path) for part in arguments]

    done = manage(gateway, "pipe", *given)

    assert done.returncode in (0, 1)
    assert (done.stdout + done.stderr).isascii()
    assert done.stdout + done.stderr


@pytest.mark.parametrize("terminal", ASCII_ONLY)
def test_programs_read_the_names_as_they_are(gateway: Gateway, terminal: str) -> None:
    listed = manage(gateway, terminal, "keys", "list", "--json", "鍵")
    exported = manage(gateway, terminal, "export_config")
    (key,) = json.loads(listed.stdout)

    assert key["name"] == "鍵"
    assert "…" in key["masked"] or "•" in key["masked"]
    assert [found["name"] for found in yaml.safe_load(exported.stdout)["groups"]] == NAMES


def test_files_and_settings_with_other_letters_are_read(gateway: Gateway, tmp_path: Path) -> None:
    config = tmp_path / "schlüssel.yaml"
    config.write_bytes(gateway.config_path.read_bytes())
    (tmp_path / "env").write_text("DJANGO_SUPERUSER_PASSWORD='pässwort'\n", encoding="utf-8")
    gateway.environment["ENV_FILE"] = str(tmp_path / "env")

    done = manage(gateway, "C-without-utf8", "import_config", str(config), "--dry-run")

    gateway.environment["ENV_FILE"] = os.devnull
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("terminal", ASCII_ONLY)
def test_a_start_prints_its_lines(gateway: Gateway, terminal: str) -> None:
    config = yaml.safe_load(gateway.config_path.read_text())
    with Gateway(config, env=ASCII_ONLY[terminal], is_forked=False) as started:
        wait_for(lambda: "Keys:  7 in 7 groups" in started.output())
        output = started.output()

    assert "rate_limit_policy daily" in output
    assert "Traceback" not in output


def test_a_stream_without_an_encoding_keeps_text() -> None:
    assert takes_unicode(object())
