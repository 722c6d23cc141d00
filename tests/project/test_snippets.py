"""Commands of the documents are read by what would read them.

Their configurations: `tests/management/test_documented_configs.py`.
"""

import configparser
import json
import re
import subprocess
from pathlib import Path

import pytest

from gateway.setting_table import table
from tests.support.documented_commands import (
    LOOKED_AT,
    complaint_of_command,
    gateway_command,
)
from tests.support.documented_requests import complaint_of_request
from tests.support.shell_text import ShellCommand, commands, without_placeholders
from tests.support.snippets import DOCUMENTS, Snippet, blocks, spans

pytestmark = pytest.mark.once

SHELL = ("sh", "bash")
READ_HERE = {*SHELL, "yaml", "python", "ini", "json", ""}
# What no test of a document runs, and why.
NOT_RUN = {
    **dict.fromkeys(("pip", "pipx", "uvx"), "installs; tests/project/test_wheel.py tries a wheel"),
    **dict.fromkeys(("install", "rm", "useradd", "chown"), "the system's own"),
    **dict.fromkeys(("systemctl", "journalctl", "kill"), "systemd's and the kernel's"),
    **dict.fromkeys(("grep", "cut", "tr", ".", "umask", "echo"), "what stands around a command"),
    "daphne": "a server; tests/process starts it",
    "pg_restore": "PostgreSQL's; tests/management/test_restore.py runs it",
}
# Settings of the environment that are not the gateway's.
OF_OTHERS = {
    "GATEWAY_PURE": "gateway/compiled.py reads it before there are settings",
    "GATEWAY_COMPILED": "of who builds a wheel: setup.py",
    "MOVING_PASSPHRASE": "read by the command alone",
    "NEW_URL": "any name: `migrate_database env:NAME`",
    "CHROMIUM": "of the tests",
    "BENCH_PEERS": "of the benchmark",
    "GEAR_SEED": "of one test",
    "GEAR_EXCHANGES": "of one test",
    **dict.fromkeys(("ARGS", "PYTHON", "VENV"), "of make"),
    **dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), "of clients"),
    **dict.fromkeys(("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY"), "of clients"),
    **dict.fromkeys(("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_BASE"), "of clients"),
    **dict.fromkeys(("GOOGLE_API_KEY", "ANTHROPIC_BASE_URL"), "of clients"),
    "GEMINI_API_KEY": "keys where there is no config file, and of clients",
    "GEMINI_API_KEYS": "keys where there is no config file",
    **dict.fromkeys(("API", "AUTH", "url"), "of the block itself"),
    "MODEL": "what stands for a model in an option",
}
SETTINGS = {name for row in table.rows for name in row.names}
SET_IN_TEXT = re.compile(r"([A-Z][A-Z0-9_]+)=\S")


def complaint(command: ShellCommand, *, is_whole: bool = True) -> str:
    unknown = command.environment.keys() - SETTINGS - OF_OTHERS.keys()
    if unknown:
        return f"no setting: {', '.join(sorted(unknown))}"
    words = command.words[1:] if command.words[:1] == ["sudo"] else command.words
    if not words:
        return ""
    arguments = gateway_command(command.words)
    if arguments is not None:
        return complaint_of_command(arguments, command.comment, is_whole=is_whole)
    if words[0] == "curl":
        return complaint_of_request(words)
    if words[0] in LOOKED_AT:
        return LOOKED_AT[words[0]](words)
    return "" if words[0] in NOT_RUN else f"nothing here looks at {words[0]}"


def complaints(snippet: Snippet, *, is_whole: bool = True) -> list[str]:
    found = ((command, complaint(command, is_whole=is_whole)) for command in commands(snippet.text))
    return [f"{snippet.place}: {command}: {said}" for command, said in found if said]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_shell_commands_are_ones(document: str) -> None:
    wrong = [said for block in blocks(*SHELL, of=document) for said in complaints(block)]

    assert wrong == []


def test_what_nothing_looks_at_is_shown_somewhere() -> None:
    shown = {
        word
        for block in blocks(*SHELL)
        for command in commands(block.text)
        for word in command.words[:4]
    }

    assert NOT_RUN.keys() - shown == set()


def test_bash_reads_each_block() -> None:
    for block in blocks(*SHELL):
        done = subprocess.run(
            ["bash", "-n"], input=without_placeholders(block.text), text=True, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, ""), block.place


def shows_a_command(text: str) -> str:
    """The span as a shell would get it; empty where it is none."""
    words = text.split()
    if words[0] in LOOKED_AT or words[0] == "curl" or gateway_command(words) is not None:
        return text if len(words) > 1 else ""
    is_ours = len(words) > 1 and re.fullmatch(r"[a-z_]+", words[0]) and words[0] in OUR_COMMANDS
    return f"manage.py {text}" if is_ours else ""


OUR_COMMANDS = {
    path.stem for path in Path("proxyapp/management/commands").resolve().glob("[a-z]*.py")
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_sentences_are_ones(document: str) -> None:
    shown = [
        Snippet(span.document, span.line, "sh", text)
        for span in spans()
        if span.document == document and (text := shows_a_command(span.text))
    ]

    assert [said for each in shown for said in complaints(each, is_whole=False)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_settings_in_sentences_are_ones(document: str) -> None:
    named = {
        (name, span.place)
        for span in spans()
        if span.document == document
        for name in SET_IN_TEXT.findall(span.text)
    }

    assert {each for each in named if each[0] not in SETTINGS | OF_OTHERS.keys()} == set()


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_is_some(block: Snippet) -> None:
    compile(block.text, block.place, "exec")


@pytest.mark.parametrize("block", blocks("json", "ini"), ids=lambda block: block.place)
def test_other_formats_are_read(block: Snippet) -> None:
    if block.language == "json":
        json.loads(block.text)
    else:
        configparser.ConfigParser(interpolation=None, strict=False).read_string(block.text)


def test_nothing_is_written_in_a_language_that_nothing_reads() -> None:
    assert {block.language for block in blocks()} - READ_HERE == set()
    assert all(
        block.document == "docs/ARCHITECTURE.md" for block in blocks() if not block.language
    ), "a drawing"


@pytest.mark.parametrize(
    "text",
    [
        "python manage.py keys lists",
        "gemini-gateway tokens create laptop --requests-per-hour 5",
        "docker compose run --rm gateway key list",
        "manage.py keys list   # as JSON: --as-json",
        "sudo -u gateway .venv/bin/python manage.py prune --all",
        "python manage.py keys list | grep cooling && manage.py nothing",
        "make everything",
        "python -m bench.nothing",
        "docker compose -f compose.mysql.yaml up",
        "SECRETKEY=x gemini-gateway serve",
        "curl http://127.0.0.1:8080/admin/nothing/at/all",
        "curl http://127.0.0.1:8080/v1/responses -H 'content-type: application/json' -d '{}'",
        "curl http://127.0.0.1:8080/v1/chat/completions -d '{\"model\":}'",
        "curl http://127.0.0.1:8000/v1/chat/completions",
        "wget http://127.0.0.1:8080/",
    ],
)
def test_what_is_wrong_would_be_found(text: str) -> None:
    assert len(complaints(Snippet("a.md", 1, "sh", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "keys list --jsn",
        "manage.py usage --by nobody",
        "tokens create NAME --budget-per-day much",
    ],
)
def test_what_is_wrong_in_a_sentence_would_be_found(text: str) -> None:
    shown = Snippet("a.md", 1, "sh", shows_a_command(text))

    assert len(complaints(shown, is_whole=False)) == 1
