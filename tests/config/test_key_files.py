"""`api_keys_file`: a group's keys in a file beside the config file, one a line."""

import os
from pathlib import Path

import pytest

from proxyapp.config import key_lines, keys_of_groups
from proxyapp.config.file import Config, ConfigError, KeyConfig, load, parse
from proxyapp.config.importing import apply_changes
from proxyapp.models import ApiKey
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import MISSING_FROM_FILE
from tests.support.pool_data import secret

ONE, TWO, THREE, FOUR = (secret(label) for label in ("one", "two", "three", "four"))
PLACE = "groups[0].api_keys_file"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.txt"


def config_beside(keys: Path, fields: str = "") -> Path:
    path = keys.with_name("config.yaml")
    path.write_text(f"groups: [{{name: a, api_keys_file: {keys.name}{fields}}}]")
    return path


def loaded(keys: Path, fields: str = "") -> Config:
    return load(config_beside(keys, fields))


def problems(keys: Path, fields: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(keys, fields)
    return caught.value.problems


@pytest.mark.parametrize(
    "content",
    [
        f"{ONE}\n{TWO}",
        f"\ufeff{ONE}\r\n{TWO}\r\n",
        f"# mine\n\n  {ONE}\t# of my laptop\n   \n#{THREE}\n{TWO}\n",
        f"{ONE}\r{TWO}\r",
    ],
    ids=["bare", "with a byte order mark and CRLF", "with comments", "with CR"],
)
def test_each_line_is_a_key(keys: Path, content: str):
    keys.write_text(content, newline="")

    config = loaded(keys)

    assert config.groups[0].api_keys == (KeyConfig(ONE), KeyConfig(TWO))
    assert config.key_files == (keys,)


def test_the_keys_of_the_list_come_first_and_placeholders_are_none(keys: Path):
    keys.write_text(f"{TWO}\nYOUR_GEMINI_API_KEY_1\n")

    (group,) = loaded(keys, f", api_keys: [{ONE}]").groups

    assert group.api_keys == (KeyConfig(ONE), KeyConfig(TWO))
    assert group.placeholders == (f"{PLACE} (line 2)",)


def test_what_is_wrong_with_a_line_is_said_by_its_number_and_without_the_line(keys: Path):
    keys.write_text(f"{ONE}\nexport KEY=MARKER\n" + "MARKER with spaces\n" * 7)

    found = problems(keys)

    assert found[0] == f"{PLACE} (line 2): is an assignment; give its value alone"
    assert [line.partition(":")[0] for line in found[1:5]] == [
        f"{PLACE} (line {number})" for number in (3, 4, 5, 6)
    ]
    assert found[5:] == [f"{PLACE}: 3 more lines are no keys"]
    assert "MARKER" not in str(found)


def test_a_file_that_gives_nothing_is_a_mistake(keys: Path):
    assert problems(keys) == [f"{PLACE}: cannot be read: {keys}: No such file or directory"]
    keys.write_text("# all gone\n")
    assert problems(keys) == [f"{PLACE}: {keys} has no key in it"]
    keys.write_bytes(b"ok\n\xff\xfe\n")
    assert problems(keys) == [
        f"{PLACE}: {keys}: line 2: is not UTF-8; save the file as UTF-8",
    ]
    keys.unlink()
    os.mkfifo(keys)
    assert problems(keys) == [f"{PLACE}: is not a regular file: {keys}"]


def test_files_give_no_more_keys_than_a_config_file_may(
    keys: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keys_of_groups, "MAX_KEYS", 2)
    keys.write_text(f"{ONE}\n{TWO}\n{THREE}\n")

    assert problems(keys) == [f"{PLACE}: has 3 keys; 2 are allowed"]


def test_a_file_that_is_no_list_of_keys_is_not_gone_through(
    keys: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(key_lines, "MOST_LINES", 2)
    keys.write_text(f"# two\n{ONE}\n")
    assert loaded(keys).groups[0].api_keys == (KeyConfig(ONE),)
    keys.write_text("\r".join("abcd"))
    assert problems(keys) == [f"{PLACE}: {keys} has 3 lines; 2 are allowed"]
    keys.unlink()
    keys.mkdir()
    assert problems(keys) == [f"{PLACE}: cannot be read: {keys}: Is a directory"]


def test_what_is_sent_to_the_admin_names_no_file():
    with pytest.raises(ConfigError) as caught:
        parse("groups: [{name: a, api_keys_file: /etc/passwd}]")

    (problem,) = caught.value.problems
    assert problem.startswith(f"{PLACE}: names a file of this machine")


@pytest.mark.django_db
def test_a_file_that_became_unreadable_takes_no_key_out_and_a_disabled_key_stays_disabled(
    keys: Path,
):
    keys.write_text(f"{ONE}\n{TWO}\n{THREE}\n")
    config = config_beside(keys)
    apply_changes(config)
    ApiKey.objects.filter(position=0).update(
        status=KeyStatus.DISABLED, status_reason="by an operator"
    )
    keys.rename(keys.with_name("away"))
    with pytest.raises(ConfigError):
        apply_changes(config)
    keys.write_text(f"{ONE}\n{TWO}\n{FOUR}\n")

    report = apply_changes(config)

    assert (report.keys.created, report.keys.removed) == (1, 0)
    assert {key.secret: (key.status, key.status_reason) for key in ApiKey.objects.all()} == {
        ONE: (KeyStatus.DISABLED, "by an operator"),
        TWO: (KeyStatus.ACTIVE, ""),
        THREE: (KeyStatus.DISABLED, MISSING_FROM_FILE),
        FOUR: (KeyStatus.ACTIVE, ""),
    }
