"""A start without a config file, whose keys are those of the environment."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxyapp.config.environment_keys import keys_of_environment
from proxyapp.process import environment_notes
from tests.support import forked_process
from tests.support.gateway import ROOT, Gateway
from tests.support.pool_data import secret

ONE, TWO, THREE = (secret(label) for label in ("one", "two", "three"))
TOKEN = "gk-of-the-environment-1234"
NO_FILE = Path("config.yaml")


@pytest.fixture
def idle() -> Iterator[Gateway]:
    with closing(Gateway(None)) as gateway:
        yield gateway


def prepared(idle: Gateway, **environment: str) -> str:
    """What a start says that does not listen."""
    done = forked_process.run(
        [str(ROOT / "manage.py"), "serve", "--prepare"],
        cwd=idle.directory,
        env={**idle.environment, **environment},
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return str(done.stdout)


@pytest.mark.once
def test_a_start_says_which_variables_it_took_and_how_many_keys_and_no_secret(
    idle: Gateway,
) -> None:
    (idle.directory / "env").write_text(f"GEMINI_API_KEY_1={THREE}\n")
    (idle.directory / "env").chmod(0o600)

    said = prepared(
        idle,
        GEMINI_API_KEYS=f"{ONE},{TWO}",
        GATEWAY_CLIENT_TOKEN=TOKEN,
        ENV_FILE=str(idle.directory / "env"),
    ).splitlines()

    assert said[0] == (
        "There is no config.yaml: the defaults apply, with 3 keys of the environment"
        " (GEMINI_API_KEYS, GEMINI_API_KEY_1) for the group default-gemini, beside those of the"
        " admin."
    )
    assert "environment: keys: 3 created, 0 updated, 0 unchanged, 0 removed" in said
    assert [line for line in said if line.startswith("The client token of GATEWAY_CLIENT_TOKEN")]
    assert not any(text in line for text in (ONE, TWO, THREE, TOKEN) for line in said)
    idle.environment["ENV_FILE"] = os.devnull
    assert [key["group"] for key in idle.keys()] == ["default-gemini"] * 3


@pytest.mark.once
def test_a_config_file_is_all_that_counts_where_there_is_one(idle: Gateway) -> None:
    idle.config_path.write_text("groups: []")
    idle.config_path.chmod(0o600)

    said = prepared(idle, GEMINI_API_KEY=ONE)

    assert "environment" not in said
    assert idle.keys() == []


def test_a_gap_and_placeholders_are_said() -> None:
    found = keys_of_environment(
        {"GEMINI_API_KEY_1": "YOUR_GEMINI_API_KEY_1", "GEMINI_API_KEY_3": ONE}
    )

    assert environment_notes.lines(NO_FILE, found)[1:] == [
        "warning: the numbers of GEMINI_API_KEY_1, GEMINI_API_KEY_2 and so on end at a gap; not"
        " read: GEMINI_API_KEY_3",
        "warning: placeholders skipped (GEMINI_API_KEY_1); put your keys in their place",
    ]
