"""LiteLLM, CLIProxyAPI, uni-api and new-api: what of their files goes where."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError

from proxyapp.models import ApiKey, ClientToken, Group
from tests.support.import_from import everything, import_from, keys_of, left_out
from tests.support.peer_files import (
    cliproxyapi_config,
    database,
    litellm_config,
    new_api_tables,
    uni_api_config,
)
from tests.support.pool_data import secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"
WriteTree = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteTree:
    def written(tree: Any) -> Path:
        path = tmp_path / "file"
        path.write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree))
        return path

    return written


def test_litellms_pool_is_one_group_with_weights_limits_and_its_names_of_models(write: WriteTree):
    report = import_from("auto", write(litellm_config(TARGET, KEYS, OLD)))

    group, keys = Group.objects.get(), ApiKey.objects.order_by("position")
    assert (report["format"], group.name, group.target_url) == ("litellm", "gemini", TARGET)
    assert (group.models, group.aliases) == (["gemini-2.5-flash"], {"fast": "gemini-2.5-flash"})
    assert (group.fallbacks, group.strategy) == ({"gemini-2.5-flash": ["pro"]}, "weighted")
    assert [key.weight for key in keys] == [1, 2, 3]
    assert keys[0].limits == {"gemini-2.5-flash": {"requests_per_minute": 10}}
    assert [row["masked"] for row in report["client_tokens"]["created"]] == ["sk-c…1f04"]
    assert left_out(report).keys() == {"router_settings.routing_strategy"}


def test_litellms_variables_are_filled_in_or_named(
    write: WriteTree, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PEERS_KEY", KEYS[0])
    config = litellm_config(TARGET, ["os.environ/PEERS_KEY", "os.environ/NOT_SET"], OLD)

    report = import_from("auto", write(config))

    assert list(keys_of("gemini")) == KEYS[:1]
    left = left_out(report)["model_list[1].litellm_params.api_key"]
    assert left == "the variable NOT_SET is not set: set it here for this import"


def test_litellms_own_variables_come_before_those_of_the_shell(
    write: WriteTree, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PEERS_KEY", KEYS[0])
    config = litellm_config(TARGET, ["os.environ/PEERS_KEY"], OLD) | {
        "environment_variables": {"PEERS_KEY": KEYS[1], "REDIS_HOST": "redis", "EMPTY": ""}
    }

    report = import_from("auto", write(config))

    assert list(keys_of("gemini")) == KEYS[1:2]
    assert "environment_variables.REDIS_HOST" in left_out(report)
    assert not any(name.endswith(("PEERS_KEY", "EMPTY")) for name in left_out(report))


def test_litellms_models_of_several_providers_are_groups_of_their_own(write: WriteTree):
    def entry(model: str, key: str) -> dict[str, Any]:
        return {"model_name": model, "litellm_params": {"model": model, "api_key": key}}

    entries = [entry("gemini/*", KEYS[0]), entry("openai/gpt-4o", KEYS[1])]
    others = [entry("vertex_ai/gemini-2.5-pro", KEYS[2]), entry("bedrock/claude", KEYS[2])]
    report = import_from("auto", write({"model_list": [*entries, *others]}))

    targets = dict(Group.objects.values_list("target_url", "models"))
    assert targets == {
        "https://generativelanguage.googleapis.com": [],
        "https://api.openai.com/v1": ["gpt-4o"],
    }
    assert left_out(report).keys() == {"model_list[2]", "model_list[3]"}


def test_litellms_credentials_and_fallbacks_are_found_wherever_they_stand(write: WriteTree):
    config = litellm_config(TARGET, KEYS[:1], OLD)
    del config["router_settings"]
    params = config["model_list"][0]["litellm_params"]
    del params["api_key"], params["api_base"]
    params["litellm_credential_name"] = "old"
    values = {"api_key": KEYS[1], "api_base": TARGET, "description": "x"}
    config["credential_list"] = [{"credential_name": "old", "credential_values": values}]
    config["litellm_settings"] = {"fallbacks": [{"fast": ["pro"]}], "drop_params": True}

    report = import_from("auto", write(config))

    assert list(keys_of("gemini")) == [KEYS[1]]
    assert (Group.objects.get().target_url, Group.objects.get().fallbacks) == (
        TARGET,
        {"gemini-2.5-flash": ["pro"]},
    )
    assert left_out(report).keys() == {"litellm_settings.drop_params"}


def test_cliproxyapis_entries_are_a_group_with_exits_and_its_clients(write: WriteTree):
    config = cliproxyapi_config(TARGET, KEYS, OLD) | {
        "vertex-api-key": [{"api-key": "x"}],
        "openai-compatibility": [
            {
                "name": "router",
                "base-url": "https://router.example.com/v1",
                "disabled": True,
                "api-key-entries": [{"api-key": "sk-or-v1-0123456789abcdef"}],
            }
        ],
    }

    report = import_from("auto", write(config))

    gemini, router = Group.objects.get(name="gemini"), Group.objects.get(name="router")
    assert list(keys_of("gemini")) == KEYS
    assert gemini.aliases == {"fast": "gemini-2.5-flash"}
    assert {key.proxy_url for key in gemini.keys.all()} == {"direct"}
    assert (router.enabled, router.auth) == (False, "bearer")
    assert left_out(report).keys() == {"port", "vertex-api-key"}
    assert ClientToken.objects.get().name == "cliproxyapi 1"


def test_uni_apis_clients_may_use_what_they_might(write: WriteTree):
    config = uni_api_config(TARGET, KEYS, OLD)
    config["api_keys"] += [
        {"api": "sk-of-a-second-client-77", "model": ["gemini-2.5-pro"]},
        {"api": "sk-of-a-third-client-99", "model": ["nobody/*"]},
    ]

    report = import_from("auto", write(config))

    assert (report["format"], Group.objects.get().target_url) == ("uni-api", TARGET)
    tokens = {token.name: token for token in ClientToken.objects.all()}
    assert [group.name for group in tokens["uni-api 1"].allowed_groups.all()] == ["google"]
    assert tokens["uni-api 2"].allowed_models == ["gemini-2.5-pro"]
    third = tokens["uni-api 3"]
    assert (third.is_limited_to_groups, third.allowed_groups.count()) == (True, 0)


def test_new_apis_channels_keep_states_of_their_keys_and_tokens_their_prefix(tmp_path: Path):
    tables = new_api_tables(TARGET, KEYS, OLD)
    (first,) = tables["channels"]
    tables["channels"] = [
        first,
        {**first, "id": 2, "name": "later", "priority": 0, "status": 2, "key": secret("later")},
        {**first, "id": 3, "type": 41, "name": "vertex"},
        {**first, "id": 4, "type": 8, "name": "own", "key": secret("own")}
        | {"base_url": "https://own.example.com/v1/chat/completions"},
    ]

    report = import_from("auto", database(tmp_path / "db", tables))

    google, later = Group.objects.get(name="google"), Group.objects.get(name="later")
    assert list(keys_of("google").values()) == ["active", "active", "disabled"]
    assert (google.weight, google.priority, google.enabled) == (2, 0, True)
    assert (later.priority, later.enabled) == (5, False)
    assert Group.objects.get(name="own").target_url == "https://own.example.com/v1"
    assert [row["masked"] for row in report["client_tokens"]["created"]] == ["sk-c…1f04"]
    assert "type 41" in left_out(report)["channel 3"]


def test_new_apis_list_without_keys_is_said_to_be_that(write: WriteTree):
    channel = {**new_api_tables(TARGET, KEYS, OLD)["channels"][0], "key": ""}
    with_key = {**channel, "id": 2, "name": "with", "key": KEYS[0]}

    report = import_from("auto", write(json.dumps({"data": {"items": [channel, with_key]}})))

    assert list(keys_of("with")) == KEYS[:1]
    assert "SQLite file" in left_out(report)["channel 1.key"]


@pytest.mark.parametrize("peer", ["litellm", "cliproxyapi", "uni-api", "new-api", "seed"])
@pytest.mark.parametrize(
    "text",
    [
        "- 1\n",
        "model_list: [1, {litellm_params: [], model_name: {}}]\nproviders: 7\n",
        "gemini-api-key: [{models: [[]], api-key: [1]}]\nproviders: [{api: {}, model: [{}]}]\n",
        '[{"type": [], "models": 1, "key": {"a": 1}, "priority": "x"}]',
        "groups: [7, {name: [], api_keys: {}, target_url: 2001-01-01}]\n",
    ],
)
def test_values_of_odd_kinds_are_left_out(write: WriteTree, peer: str, text: str):
    import_from(peer, write(text))

    assert everything() == []


def test_an_object_with_a_field_twice_is_refused(write: WriteTree):
    with pytest.raises(CommandError, match="has a field twice"):
        import_from("new-api", write('[{"type": 24, "type": 1, "models": ""}]'))


def test_tokens_of_one_name_are_numbered(tmp_path: Path):
    tables = new_api_tables(TARGET, KEYS, OLD)
    (token,) = tables["tokens"]
    tables["tokens"] = [
        {**token, "id": number, "key": f"client-of-old-{number:04}-8c1f"} for number in range(300)
    ]

    import_from("auto", database(tmp_path / "db", tables))

    names = {name.lower() for name in ClientToken.objects.values_list("name", flat=True)}
    assert names == {"app", *(f"app {number}" for number in range(2, 301))}


def test_more_tokens_than_anybody_has_are_refused(
    write: WriteTree, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("proxyapp.peers.moved.MOST_SECRETS", 4)
    config = cliproxyapi_config(TARGET, KEYS, OLD)

    import_from("auto", write(config))

    config["api-keys"].append("sk-of-a-second-client-77")
    with pytest.raises(CommandError, match="more than is read at a time"):
        import_from("auto", write(config))
