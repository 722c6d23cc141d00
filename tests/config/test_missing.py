"""What a config file no longer has: disabled and never removed, unless `--prune` says so."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from proxyapp.config.file import ConfigError
from proxyapp.config.importing import apply_changes
from proxyapp.config.report import Report
from proxyapp.models import ApiKey, AuditEntry, Group, HourlyUsage, ImportedGroup, RemovedKey
from proxyapp.operators.key_actions import change_keys
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import MISSING_FROM_FILE
from tests.support.gateway import ROOT
from tests.support.pool_data import add_key, pool_version, secret, use

pytestmark = pytest.mark.django_db

ONE, TWO, THREE, FOUR, FIVE = (secret(label) for label in ("one", "two", "three", "four", "five"))
MISSING = (KeyStatus.DISABLED, MISSING_FROM_FILE)
IN_USE = (KeyStatus.ACTIVE, "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my config.yaml"


def group(name: str, *keys: str) -> dict[str, object]:
    return {"name": name, "api_keys": list(keys)}


def start(file: Path, *groups: dict[str, object]) -> Report:
    file.write_text(yaml.safe_dump({"groups": list(groups)}))
    return apply_changes(file)


def refused(file: Path, text: str) -> str:
    """What a start says; it has changed nothing."""
    before, version = keys(), pool_version()
    imported = list(ImportedGroup.objects.order_by("id").values())
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        apply_changes(file)
    assert (keys(), pool_version()) == (before, version)
    assert list(ImportedGroup.objects.order_by("id").values()) == imported
    return str(caught.value)


def keys() -> dict[str | None, tuple[Any, ...]]:
    """Status and reason of each, by its secret."""
    return {key.secret: (key.status, key.status_reason) for key in ApiKey.objects.all()}


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("import_config", *arguments, stdout=out)
    return out.getvalue()


# Fewer keys than before.


def test_a_key_that_left_the_file_is_disabled_with_its_usage_and_those_of_the_admin_stay(file):
    start(file, group("a", ONE, TWO))
    use(ApiKey.objects.get(position=0), requests=7)
    own = add_key(Group.objects.get(), "own")
    version = pool_version()

    report = start(file, group("a", TWO))

    assert keys() == {ONE: MISSING, TWO: IN_USE, own.secret: IN_USE}
    assert ApiKey.objects.get(status=KeyStatus.DISABLED).usage.get().requests == 7
    assert pool_version() == version + 1
    assert report.keys.removed == 0
    assert report.warnings == [
        "1 key is no longer in the file and disabled now: AIza…0one; what the file has again comes"
        f" back. For good: `python manage.py import_config --prune '{file}'` (removes all that the"
        " file does not have; --dry-run shows it), or delete in the admin"
    ]
    assert AuditEntry.objects.filter(label="AIza…0one", detail__contains="missing").exists()


def test_many_missing_keys_are_one_line(file):
    several = [secret(f"k{number:03}") for number in range(100)]
    start(file, group("a", *several))

    lines = start(file, group("a", *several[:50])).lines()

    assert len(lines) == 3
    assert "50 keys are no longer in the file" in lines[2]
    assert "and 45 more" in lines[2]


def test_a_group_that_left_the_file_keeps_its_row_and_comes_back_with_its_keys(file):
    groups = [group("a", ONE, TWO), group("b", THREE)]
    start(file, *groups)
    row = Group.objects.get(name="b")

    report = start(file, groups[0])

    assert keys()[THREE] == MISSING
    assert Group.objects.filter(pk=row.pk).exists()
    assert "no longer in the file, and kept: group 'b'" in report.warnings
    assert not apply_changes(file).warnings, "it is said once"

    back = start(file, *groups)

    assert keys()[THREE] == IN_USE
    assert ApiKey.objects.get(group=row).secret == THREE
    assert "status 'disabled' → 'active'" in "\n".join(back.details)


@pytest.mark.parametrize(
    ("then", "expected"), [("disable", (KeyStatus.DISABLED, "")), ("enable", IN_USE)]
)
def test_what_an_operator_says_of_a_missing_key_counts(file, then, expected):
    start(file, group("a", ONE, TWO))
    start(file, group("a", TWO))
    missing = ApiKey.objects.get(status=KeyStatus.DISABLED)

    assert change_keys(then, [missing.pk], timezone.now()) == {missing.pk}
    start(file, group("a", TWO, THREE))
    assert keys()[ONE] == expected

    start(file, group("a", ONE, TWO, THREE))
    assert keys()[ONE] == expected


def test_a_key_that_an_operator_had_disabled_does_not_come_back_by_itself(file):
    start(file, group("a", ONE, TWO, THREE))
    change_keys("disable", [ApiKey.objects.get(position=0).pk], timezone.now())

    start(file, group("a", TWO, THREE))
    start(file, group("a", ONE, TWO, THREE))

    assert keys()[ONE] == (KeyStatus.DISABLED, "")


def test_a_condemned_key_that_is_missing_is_not_asked_again(file):
    start(file, group("a", ONE, TWO))
    ApiKey.objects.filter(position=0).update(status=KeyStatus.INVALID, status_reason="expired")

    start(file, group("a", TWO))

    assert keys()[ONE] == MISSING


def test_keys_that_move_and_groups_that_are_renamed_are_not_missing(file):
    start(file, group("a", ONE, TWO, THREE), group("b", FOUR))

    start(file, group("z", ONE), group("b", TWO, THREE, FOUR))

    assert set(keys().values()) == {IN_USE}
    assert {key.secret: key.group.name for key in ApiKey.objects.all()} == {
        ONE: "z",
        TWO: "b",
        THREE: "b",
        FOUR: "b",
    }


# Nearly nothing left.


@pytest.mark.parametrize(
    "text",
    [
        (ROOT / "config.example.yaml").read_text(),
        "groups: [{name: a, api_keys: [YOUR_GEMINI_API_KEY_1, <your key>]}]",
        "groups: []",
        f"groups: [{{name: a, api_keys: [{FOUR}]}}]",
        f"groups: [{{name: other, api_keys: [{FIVE}]}}]",
        f"groups:\n- name: a\n  api_keys:\n  - {ONE}\n  - AIza",
    ],
)
def test_a_file_without_most_of_its_keys_stops_the_start_and_changes_nothing(file, text):
    start(file, group("a", ONE, TWO, THREE), group("b", FOUR))

    said = refused(file, text)

    assert said.count("\n") == 0
    assert "of the 4 keys in use that came from it" in said
    assert f"`python manage.py import_config --prune '{file}'`" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# groups: []\n\n# nothing yet\n",
        "groups:\n",
        "groups:\n- name: a\n  api_keys: []\n",
        "groups:\n- name: a\n  api_keys:\n",
        "groups:\n- name: a\n  api_keys: [" + ONE,
        "groups:\n- name: a\n",
        "server: {port: 8080}\n",
    ],
)
def test_an_empty_or_cut_file_is_an_error_that_changes_nothing(file, text):
    start(file, group("a", ONE, TWO, THREE))
    assert refused(file, text)


def test_half_of_the_keys_may_go_and_more_may_not(file):
    start(file, group("a", ONE, TWO, THREE, FOUR))
    start(file, group("a", ONE, TWO))
    assert list(keys().values()).count(MISSING) == 2
    assert "would take out 2 of the 2" in refused(file, "groups: []")


def test_the_only_key_may_be_replaced_by_one_other(file):
    start(file, group("a", ONE))
    start(file, group("a", TWO))
    assert keys() == {ONE: MISSING, TWO: IN_USE}
    assert "would take out 1 of the 1" in refused(file, "groups: []")


def test_keys_that_are_out_of_use_already_do_not_count(file):
    start(file, group("a", ONE, TWO, THREE, FOUR))
    ids = ApiKey.objects.filter(position__gte=1).values_list("pk", flat=True)
    change_keys("disable", ids, timezone.now())

    start(file, group("a", ONE))

    assert keys()[ONE] == IN_USE


# By command.


def test_the_command_disables_and_refuses_as_a_start_does(file):
    start(file, group("a", ONE, TWO, THREE))
    file.write_text(yaml.safe_dump({"groups": [group("a", ONE, TWO)]}))
    assert "1 key is no longer in the file" in command(str(file))
    assert keys()[THREE] == MISSING

    file.write_text("groups: []")
    for arguments in ([str(file)], [str(file), "--dry-run"]):
        with pytest.raises(CommandError, match="would take out 2 of the 2 keys"):
            command(*arguments)
    assert keys()[ONE] == IN_USE


def test_another_file_takes_out_nothing_of_the_first(file, tmp_path):
    start(file, group("a", ONE, TWO))
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"groups": [group("b", THREE)]}))
    command(str(other))
    assert set(keys().values()) == {IN_USE}


def test_prune_removes_what_earlier_starts_disabled_and_all_when_that_is_meant(file):
    start(file, group("a", ONE, TWO))
    start(file, group("a", TWO))
    command(str(file), "--prune")
    assert keys() == {TWO: IN_USE}

    file.write_text("groups: []")
    assert "removes 1 of the 1 keys that there are" in command(str(file), "--prune")
    assert not Group.objects.exists()
    assert not apply_changes(file).changed


def test_usage_of_what_prune_removes_is_kept_under_its_masked_name(file):
    start(file, group("a", ONE, TWO), group("b", THREE, FOUR))
    for key in ApiKey.objects.all():
        use(key, requests=key.pk)
    usage = list(HourlyUsage.objects.order_by("id").values("key_id", "requests"))
    file.write_text(yaml.safe_dump({"groups": [group("a", TWO)]}))

    command(str(file), "--prune")

    assert list(HourlyUsage.objects.order_by("id").values("key_id", "requests")) == usage
    assert sorted(RemovedKey.objects.values_list("label", "group")) == [
        ("AIza…0one", "a"),
        ("AIza…four", "b"),
        ("AIza…hree", "b"),
    ]
    command(str(file), "--prune")
    assert RemovedKey.objects.count() == 3
