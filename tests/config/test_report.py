"""What an import tells: names of groups and keys cannot pass for changes that do not happen."""

import re
from pathlib import Path

import pytest
import yaml

from proxyapp.admin.import_changes import parts
from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from proxyapp.config.report import Report
from proxyapp.models import AuditEntry
from tests.support.pool_data import add_group, add_key, secret

pytestmark = pytest.mark.django_db

SOURCE = Path("/etc/gateway/config.yaml")
QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
FAKES = [
    "A'; PROXY_URL none → socks5://evil.example:1080",
    "A'; PROXY_URL none → socks5://evil.example:1080; name 'A",
    "A': target_url https://x → https://evil.example",
    "A\\'; PROXY_URL none → socks5://evil.example:1080",
    "A\\",
    "A' → 'B'; auth 'auto' → 'both",
    "A → B; weight '1' → '9'",
]
fakes = pytest.mark.parametrize("fake", FAKES)


def run(*groups: dict[str, object], prune: bool = False) -> Report:
    return import_config(parse(yaml.safe_dump({"groups": [*groups]})), source=SOURCE, prune=prune)


def without_names(text: str) -> str:
    return QUOTED.sub("''", text)


def changed_fields(report: Report) -> list[list[str]]:
    """Of each changed row on the page."""
    (changed,) = (part for part in parts(report) if part.title == "Changed")
    return [[change.field for change in entry.fields] for entry in changed.entries]


@fakes
def test_a_group_that_is_renamed_cannot_fake_a_change(fake: str) -> None:
    add_group(fake)

    report = run({"name": fake.lower(), "api_keys": ["YOUR_API_KEY"]})

    assert changed_fields(report) == [["name"]]
    assert [without_names(line) for line in report.details] == ["updated group '': name '' → ''"]
    detail = AuditEntry.objects.get(object_type="group").detail
    assert without_names(detail) == "name '' → ''"


@fakes
def test_a_key_that_is_renamed_and_moved_cannot_fake_a_change(fake: str) -> None:
    add_key(add_group(fake), "one", name=fake)
    key = {"key": secret("one"), "name": f"{fake}2", "project": fake}

    report = run({"name": "main", "api_keys": [key]})

    assert changed_fields(report) == [["name", "project", "group"]]
    (line,) = (line for line in report.details if line.startswith("updated"))
    told = "name '' → ''; project '' → ''; moved from group ''"
    assert without_names(line).endswith(f"in group '': {told}")
    assert "→" not in without_names(line).removesuffix(told)
    detail = AuditEntry.objects.get(object_type="key").detail
    assert without_names(detail) == told


@fakes
def test_what_is_new_removed_or_reordered_cannot_fake_a_change(fake: str) -> None:
    add_key(add_group("gone"), "gone", name=fake)
    add_group("first")
    group = add_group(fake)
    keys = [add_key(group, label, name="") for label in ("one", "two")]

    report = run(
        {"name": fake, "api_keys": [secret("two"), secret("one"), secret("new")]},
        {"name": "first", "api_keys": ["YOUR_API_KEY"]},
        {"name": f"new {fake}", "api_keys": ["YOUR_API_KEY"]},
        prune=True,
    )

    assert [part.title for part in parts(report)] == ["Created", "Removed", "Order"]
    assert len(keys) == 2
    for text in [*report.lines(), *(detail for _, _, detail in report.changes)]:
        assert "→" not in without_names(text)
        assert not re.search("(?i)proxy_url|target_url|auth ", without_names(text))


def test_a_name_without_marks_stays_as_it_was() -> None:
    add_key(add_group("main"), "one", name="a: b; c")

    report = run({"name": "main", "api_keys": [secret("one")]})

    assert report.details == [
        "updated key a: b; c (AIza…0one) in group 'main': name 'a: b; c' → ''"
    ]
