"""What cannot be here as a file has it is left out alone, and no key goes another way for it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError

from proxyapp.models import ApiKey, Group
from proxyapp.vocabulary.masking import masked_key
from tests.support.import_from import everything, import_from, keys_of, left_out
from tests.support.peer_files import cliproxyapi_config, database, gpt_load_tables, litellm_config
from tests.support.pool_data import secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"


def written(path: Path, tree: Any) -> Path:
    path.write_text(yaml.safe_dump(tree))
    return path


def test_a_group_whose_target_or_exit_is_none_goes_nowhere(tmp_path: Path):
    groups = [
        {"name": "good", "api_keys": KEYS[:1]},
        {"name": "exit", "api_keys": KEYS[1:2], "proxy_url": "10.0.0.1:8080:user:of-the-exit"},
        {"name": "target", "api_keys": KEYS[2:], "target_url": "os.environ/NOWHERE"},
    ]
    file = written(tmp_path / "file", {"groups": groups})

    report = import_from("seed", file)

    assert list(keys_of("good")) == KEYS[:1]
    assert (Group.objects.count(), ApiKey.objects.count()) == (1, 1)
    left = left_out(report)
    assert left.keys() == {"group 'exit'", "group 'target'"}
    assert left["group 'exit'"].startswith("proxy_url: has no scheme")
    assert "of-the-exit" not in json.dumps(report)
    before = everything()
    import_from("seed", file)
    assert everything() == before


def test_an_exit_of_several_and_the_exit_of_one_key_stop_no_other(tmp_path: Path):
    exits = ["http://a.example:80", "b.example:80:user:of-the-exit"]
    env = tmp_path / ".env"
    env.write_text(
        f"API_KEYS={json.dumps(KEYS[:1])}\nPROXIES={json.dumps(exits)}\nPAID_KEY={secret('paid')}\n"
    )
    config = cliproxyapi_config(TARGET, KEYS[1:], OLD)
    config["gemini-api-key"][0]["proxy-url"] = "no scheme"
    config["gemini-api-key"][1]["proxy-url"] = "none"

    balance = left_out(import_from("auto", env))
    cli = left_out(import_from("auto", written(tmp_path / "file", config)))

    assert Group.objects.get(name="gemini").proxy_pool == exits[0]
    assert Group.objects.get(name="gemini-paid").proxy_pool == exits[0]
    assert {f"group '{name}'.proxy_pool[1]" for name in ("gemini", "gemini-paid")} == balance.keys()
    assert {key.secret: key.proxy_url for key in ApiKey.objects.all()} == {
        KEYS[0]: None,
        secret("paid"): None,
        KEYS[2]: "direct",
    }
    assert f"{KEYS[1][:4]}…{KEYS[1][-4:]}" in "".join(cli)


def test_where_nothing_else_is_there_the_reason_is_all(tmp_path: Path):
    config = litellm_config("", KEYS[:1], OLD)
    config["model_list"][0]["litellm_params"]["api_base"] = "os.environ/NOT_SET"

    with pytest.raises(CommandError, match=r"group 'gemini'\.target_url: has no scheme"):
        import_from("auto", written(tmp_path / "file", config))
    assert everything() == []


def test_a_limit_that_is_none_leaves_its_key_out(tmp_path: Path):
    config = litellm_config(TARGET, KEYS, OLD)
    config["model_list"][1]["litellm_params"]["model"] = "gemini/no name"

    report = import_from("auto", written(tmp_path / "file", config))

    assert set(ApiKey.objects.values_list("group__name", "masked")) == {
        ("gemini", masked_key(KEYS[0])),
        ("gemini", masked_key(KEYS[2])),
    }
    assert any(why.startswith("limits") for why in left_out(report).values())


@pytest.mark.parametrize(
    ("peer", "tree"),
    [
        ("cliproxyapi", {"openai-compatibility": [{"api-key-entries": [{"api-key": KEYS[0]}]}]}),
        ("uni-api", {"providers": [{"provider": "elsewhere", "api": KEYS[0]}]}),
    ],
)
def test_without_an_address_keys_go_to_no_provider(tmp_path: Path, peer: str, tree: Any):
    report = import_from(peer, written(tmp_path / "file", tree))

    assert everything() == []
    assert ["names no address" in why for why in left_out(report).values()] == [True]


def test_gpt_loads_upstreams_that_are_off_or_unreadable_get_no_key(tmp_path: Path):
    tables = gpt_load_tables(TARGET, KEYS[:2], OLD)
    (group,) = tables["groups"]
    others = [{"url": "https://off.example.com", "weight": 0}, {"url": TARGET, "weight": 1}]
    tables["groups"] = [
        {**group, "upstreams": json.dumps(others)},
        {**group, "id": 2, "name": "torn", "upstreams": "[{", "channel_type": "openai"},
    ]
    tables["api_keys"] = [
        *tables["api_keys"],
        {**tables["api_keys"][0], "id": 8, "group_id": 2, "key_value": KEYS[2]},
        {**tables["api_keys"][0], "id": 9, "group_id": 7, "key_value": secret("orphan")},
    ]

    report = import_from("auto", database(tmp_path / "db", tables))

    assert Group.objects.get().target_url == TARGET
    assert ApiKey.objects.count() == 2
    left = left_out(report)
    assert "names no address" in left["groups.torn"]
    assert "of no group" in left["api_keys.9"]
