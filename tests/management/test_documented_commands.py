"""Commands of the documents run, in their order, and so do requests to the management API."""

import io
import json
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from proxyapp.models import ApiKey
from tests.support.documented_commands import gateway_command
from tests.support.documented_requests import Curl, curl
from tests.support.operator_tokens import token_of
from tests.support.pool_data import add_group, add_key, secret
from tests.support.roles import make_roles
from tests.support.shell_text import commands
from tests.support.snippets import ELLIPSIS, Snippet, blocks

pytestmark = pytest.mark.django_db

# Which do not run here, and why.
NOT_RUN = {
    "init": "writes a place: tests/project/test_wheel.py",
    "serve": "a server: tests/process",
    "migrate": "the database of a test is made by it",
    "createsuperuser": "asks for a password",
    "backup": "of a file, or of a database by its name: tests/management/test_backup.py",
    "restore": "tests/management/test_restore.py",
    "migrate_database": "of two databases: tests/management/test_migrate_database.py",
    "import_from": "files of other gateways: tests/peers",
    "keys test": "asks the provider: tests/operators",
    "alerts test": "asks a service: tests/management/test_alerts.py",
    "export_config everything.moving": "asks for a passphrase: tests/operators",
    "import_config everything.moving": "the same",
}
STANDS_FOR = {"GROUP": "spare"}
SHELL = blocks("sh", "bash")
REQUESTS = [
    asked
    for block in SHELL
    for command in commands(block.text)
    if command.words[:1] == ["curl"]
    if (asked := curl(command.words)).path.startswith("/admin/api/")
]


def names(arguments: list[str]) -> set[str]:
    return {arguments[0], " ".join(arguments[:2])}


def commands_of(block: Snippet) -> list[list[str]]:
    found = (gateway_command(command.words) for command in commands(block.text))
    return [arguments for arguments in found if arguments]


def run_here(block: Snippet) -> list[list[str]]:
    """As the words stand there, but for what stands for a name."""
    return [
        [STANDS_FOR.get(word, word) for word in arguments]
        for arguments in commands_of(block)
        if not names(arguments) & NOT_RUN.keys()
    ]


@pytest.fixture
def shown() -> ApiKey:
    """What the documents name; their key 7, of their group 1."""
    make_roles(apps)
    main, _ = add_group("default-gemini"), add_group("spare")
    User.objects.create(username="admin", is_staff=True, is_superuser=True)
    return add_key(main, "laptop", name="laptop")


@pytest.fixture
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [
        {"name": "default-gemini", "api_keys": [{"key": secret("laptop"), "name": "laptop"}]},
        {"name": "spare", "api_keys": [secret("spare")]},
    ]
    (tmp_path / "config.yaml").write_text(json.dumps({"groups": groups}))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("shown", "_in_a_directory_of_its_own")
@pytest.mark.parametrize(
    "block", [block for block in SHELL if run_here(block)], ids=lambda block: block.place
)
def test_commands_run_one_after_the_other(block: Snippet) -> None:
    for arguments in run_here(block):
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())


def test_most_commands_run() -> None:
    assert sum(len(run_here(block)) for block in SHELL) > 25


def test_what_does_not_run_is_shown_somewhere() -> None:
    shown = set().union(*(names(given) for block in SHELL for given in commands_of(block)))

    assert NOT_RUN.keys() - shown == set()


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda asked: f"{asked.method} {asked.url}")
def test_requests_to_the_management_api_are_answered(asked: Curl, shown: ApiKey) -> None:
    client = Client(headers={"authorization": f"Bearer {token_of('Admin')}"})
    body = (asked.body or "").replace(f"AIza{ELLIPSIS}", secret("new"), 1)
    body = body.replace(f"AIza{ELLIPSIS}", secret("newer")).replace("[7,", f"[{shown.pk},")
    url = asked.url.replace("/groups/1", f"/groups/{shown.group_id}")

    response = client.generic(
        asked.method, url, body, "application/json" if body else "", SERVER_NAME="127.0.0.1"
    )

    assert response.status_code in (200, 201), response.content
