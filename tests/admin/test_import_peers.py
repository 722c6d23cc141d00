"""Files of other gateways on the import page: recognised, shown, and applied as they were shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from proxyapp.models import ApiKey, AuditEntry, ClientToken, Group
from tests.support.admin_pages import said, superuser, text
from tests.support.import_from import everything, keys_of
from tests.support.import_page import agree, changes, check
from tests.support.peer_files import PEER_FILES, database, gpt_load_tables, litellm_config
from tests.support.pool_data import add_group, add_key, secret
from tests.support.staff import staff

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one-MARKER", "two-MARKER", "three-MARKER")]
TOKEN = "sk-clients-of-old-MARKER"
TARGET = "https://gemini.example.com"
MakeFile = Callable[[Path, str, list[str], str], Path]
RIGHTS = ("import_config", "view_secret")


@pytest.fixture
def operator() -> Client:
    return superuser()


def upload(operator: Client, file: Path, **fields: Any) -> str:
    return check(operator, "", file=SimpleUploadedFile(file.name, file.read_bytes()), **fields)


@pytest.mark.parametrize(("peer", "make"), PEER_FILES)
def test_a_file_of_each_is_shown_and_applied(
    operator: Client, tmp_path: Path, peer: str, make: MakeFile
):
    html = upload(operator, make(tmp_path, TARGET, KEYS, TOKEN))

    assert f"This is a file of {peer}" in text(html)
    assert everything() == []
    assert "Created 4" in changes(html)
    assert len(changes(html)["Client tokens 1"]) == 1
    done = agree(operator, html)
    assert said(done)[0][0] == "success"
    assert [key.secret for key in ApiKey.objects.order_by("position")] == KEYS
    assert ClientToken.objects.count() == 1
    audited = "".join(f"{entry.label} {entry.detail}" for entry in AuditEntry.objects.all())
    assert "MARKER" not in html + done + audited
    assert {entry.actor for entry in AuditEntry.objects.all()} == {"admin"}
    again = upload(operator, make(_new(tmp_path), TARGET, KEYS, TOKEN))
    assert "there is nothing to import" in again


def _new(folder: Path) -> Path:
    (folder / "again").mkdir()
    return folder / "again"


def test_states_and_what_has_no_place_are_shown(operator: Client, tmp_path: Path):
    html = upload(operator, database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, TOKEN)))

    assert "Disabled, as they were there 1" in text(html)
    assert "from now on every client needs a token" in text(html)
    assert changes(html)["Left out 1"] == [
        "groups.flash.config.max_retries: is a setting of that program only"
    ]
    agree(operator, html)
    assert list(keys_of("flash").values()) == ["active", "active", "disabled"]


def test_no_variable_of_the_process_is_read(operator: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OF_THE_PROCESS", KEYS[0])
    config = litellm_config(TARGET, ["os.environ/OF_THE_PROCESS", KEYS[1]], "os.environ/MASTER")

    html = check(operator, yaml.safe_dump(config))

    assert "the variable OF_THE_PROCESS is read at a shell only" in text(html)
    agree(operator, html)
    assert list(keys_of("gemini")) == [KEYS[1]]
    assert not ClientToken.objects.exists()


def test_who_may_not_make_client_tokens_makes_none(tmp_path: Path):
    file = database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, TOKEN))
    may_not = staff(*RIGHTS)

    html = upload(may_not, file)

    assert "1 client token of the file is not made" in text(html)
    agree(may_not, html)
    assert (ApiKey.objects.count(), ClientToken.objects.count()) == (3, 0)
    may = staff(*RIGHTS, "add_clienttoken", name="other")
    agree(may, upload(may, file))
    assert ClientToken.objects.count() == 1


def test_keys_that_are_here_go_through_no_exit_of_a_file(tmp_path: Path):
    add_key(add_group("flash", target_url=TARGET), "here")
    tables = gpt_load_tables(TARGET, KEYS, TOKEN)
    tables["groups"][0]["config"] = json.dumps({"proxy_url": "http://catcher.example:8080"})

    html = upload(staff("import_config"), database(tmp_path / "db", tables))

    assert "Nothing was imported" in html
    assert Group.objects.get().proxy_url is None


def test_it_removes_nothing(operator: Client, tmp_path: Path):
    file = database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, TOKEN))

    assert "a file of another gateway only adds" in upload(operator, file, prune="on")


def test_a_token_that_was_made_meanwhile_is_shown_again(operator: Client, tmp_path: Path):
    file = database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, TOKEN))
    first, second = upload(operator, file), upload(operator, file)
    agree(operator, first)

    assert said(agree(operator, second))[0][0] == "warning"


def test_mistakes_in_a_config_of_this_gateway_stay_mistakes(operator: Client):
    html = check(operator, f"groups: [{{name: main, api_keys: [{KEYS[0]}], wieght: 2}}]")

    assert "wieght" in html
    assert "Nothing was imported" in html


def test_a_file_of_the_first_gateway_is_told_by_its_own_fields(operator: Client):
    config = f"redis_url: redis://x\ngroups: [{{name: main, api_keys: [{KEYS[0]}], top_p: 0.9}}]"

    html = check(operator, config)

    assert "This is a file of seed" in text(html)
    assert list(changes(html)["Left out 2"]) == [
        "groups[0].top_p: requests go on as clients wrote them",
        "redis_url: no Redis is needed: the database keeps keys and cooldowns",
    ]


def test_its_words_are_chinese_for_whoever_reads_that(operator: Client, tmp_path: Path):
    tables = gpt_load_tables(TARGET, KEYS, "sk-12345")
    operator.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-CN"

    html = upload(operator, database(tmp_path / "db", tables))

    assert "max_retries: 只是该程序自己的设置" in text(html)
    assert "太弱" in html
    agree(operator, html)
    assert not AuditEntry.objects.filter(detail__contains="太").exists()


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (b"", "Nothing was imported"),
        (b"\0" * 4096, "Nothing was imported"),
        (b"\xff" * 4096, "stop the other gateway, so that the file is whole"),
    ],
)
def test_a_broken_database_is_refused(operator: Client, rest: bytes, said: str):
    file = SimpleUploadedFile("db", b"SQLite format 3\0" + rest)

    assert said in text(check(operator, "", file=file))
    assert everything() == []


def test_a_list_of_channels_as_an_api_answers_is_recognised(operator: Client):
    channel = {"id": 1, "type": 24, "key": KEYS[0], "models": "", "name": "google"}

    html = check(operator, json.dumps({"data": {"items": [channel]}}))

    assert "This is a file of new-api" in text(html)
    agree(operator, html)
    assert list(keys_of("google")) == KEYS[:1]


def test_a_text_of_keys_is_told_by_its_files_name(operator: Client, tmp_path: Path):
    file = tmp_path / "keys-flash-invalid.txt"
    file.write_text("\n".join(KEYS))

    agree(operator, upload(operator, file))

    assert keys_of("flash") == dict.fromkeys(KEYS, "disabled")
