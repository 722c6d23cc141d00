"""Service accounts in the config file, on their way into the database and back."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from proxyapp.config.contents import ConfigError
from proxyapp.config.exporting import export_groups
from proxyapp.config.file import load, parse
from proxyapp.config.importing import import_config
from proxyapp.models import ApiKey
from proxyapp.pool.store import PoolReader
from tests.support.pool_data import NOW
from tests.support.service_accounts import TARGET, account, private_pem

KNOWN = "key, name, project, service_account, location"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """With an account beside it."""
    (tmp_path / "robot.json").write_text(json.dumps(account(), indent=2))
    return tmp_path / "config.yaml"


def written(path: Path, *keys: Any, target: str = TARGET) -> Path:
    groups = [{"name": "vertex", "target_url": target, "api_keys": list(keys)}]
    path.write_text(json.dumps({"groups": groups}))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


@pytest.mark.django_db
def test_an_account_is_stored_as_a_key_and_comes_back_from_an_export_without_a_change(config):
    keys = [
        {"service_account": "robot.json"},
        {"service_account": "robot.json", "location": "europe-west4", "name": "eu", "project": "q"},
    ]
    import_config(load(written(config, *keys)), source=config)

    rows = list(ApiKey.objects.order_by("position"))
    assert [(row.name, row.project, row.masked) for row in rows] == [
        ("robot@my-project", "my-project", "service account 4567"),
        ("eu", "q", "service account 4567"),
    ]
    exported = export_groups(mask=False).text
    report = import_config(parse(exported), source=config)
    assert not report.changed
    assert export_groups(mask=False).text == exported
    masked = export_groups(mask=True).text
    assert "service_account: service account 4567" in masked
    assert private_pem()[40:60] not in masked


@pytest.mark.django_db
def test_each_key_has_the_target_of_its_own_project_and_location(config):
    keys = [
        {"service_account": "robot.json"},
        {"service_account": "robot.json", "location": "europe-west4", "project": "q"},
        {"key": "AIzaSyA0123456789-plain-key-0123456789a", "project": "r"},
    ]
    import_config(load(written(config, *keys)), source=config)

    pool = PoolReader().load(NOW)

    found = [
        (key.group.host.decode(), key.group.prefix.decode(), key.group.auth, key.is_account)
        for key in sorted(pool.keys.values(), key=lambda key: key.position)
    ]
    assert found == [
        (
            "aiplatform.googleapis.com",
            "/v1/projects/my-project/locations/global",
            "bearer",
            True,
        ),
        (
            "europe-west4-aiplatform.googleapis.com",
            "/v1/projects/q/locations/europe-west4",
            "bearer",
            True,
        ),
        ("aiplatform.googleapis.com", "/v1/projects/r/locations/global", "google", False),
    ]
    assert private_pem()[40:60] not in repr(list(pool.keys.values()))


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (
            {"service_account": "robot.json", "key": "x"},
            ".key: stands beside service_account; give one of the two",
        ),
        (
            {"service_account": "none.json"},
            ".service_account: cannot be read: {folder}/none.json: No such file or directory",
        ),
        ({"service_account": "."}, ".service_account: cannot be read: {folder}: Is a directory"),
        ({"service_account": "pipe"}, ".service_account: is not a regular file: {folder}/pipe"),
        (
            {"service_account": "config.yaml"},
            ".service_account: has no client_email; give the whole file that Google made for the"
            " account",
        ),
        (
            {"service_account": "a\0b"},
            ".service_account: cannot be read: {folder}/a\0b: not a path",
        ),
        (
            {"service_account": ["robot.json"]},
            ".service_account: is no JSON object; give the file that Google made for the account",
        ),
        (
            {"service_account": "robot.json", "location": "EU West"},
            ".location: is none; write us-central1, for example",
        ),
        (
            {"key": "AIzaSyA0123456789-plain-key-0123456789a", "location": "eu", "project": "p"},
            ".location: is that of a service_account, and there is none",
        ),
        (
            "AIzaSyA0123456789-plain-key-0123456789a",
            ": has no project, which the target's {{project}} stands for",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(config, key, problem):
    os.mkfifo(config.parent / "pipe")

    said = problems(written(config, key))

    wanted = problem.replace("{folder}", str(config.parent)).replace("{{", "{").replace("}}", "}")
    assert said == [f"groups[0].api_keys[0]{wanted}"]


def test_a_file_of_this_machine_may_be_named_by_a_file_of_it_only():
    inline = {"service_account": account()}
    text = json.dumps({"groups": [{"name": "a", "api_keys": [inline]}]})

    assert parse(text).groups[0].api_keys[0].name == "robot@my-project"
    with pytest.raises(ConfigError) as caught:
        parse("groups: [{name: a, api_keys: [{service_account: /etc/passwd}]}]")
    assert caught.value.problems == [
        "groups[0].api_keys[0].service_account: names a file of this machine, which only a config"
        " file there may; give its text"
    ]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("https://{location}.example/v1", "names a place in its host"),
        ("https://{project}.example/v1", "names a place in its host"),
        ("https://h/{key}", "has characters in its path"),
        ("https://h/{location", "has characters in its path"),
    ],
)
def test_only_two_places_may_be_named_and_in_googles_hosts_alone(config, target, problem):
    (said,) = problems(written(config, {"service_account": "robot.json"}, target=target))

    assert said.startswith(f"groups[0].target_url: {problem}")
