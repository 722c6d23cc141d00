"""What clients might do with a token there they may here, and no more."""

import json
from pathlib import Path
from typing import Any

import pytest

from proxyapp.models import ClientToken, Group
from tests.support.import_from import import_from, left_out
from tests.support.peer_files import (
    database,
    gpt_load_tables,
    new_api_tables,
    uni_api_config,
)
from tests.support.pool_data import add_group, add_key, secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"


def terms() -> dict[str, Any]:
    """None: all groups."""
    return {
        token.name: sorted(group.name for group in token.allowed_groups.all())
        if token.is_limited_to_groups
        else None
        for token in ClientToken.objects.all()
    }


def test_new_apis_tokens_are_for_the_channels_of_their_group(tmp_path: Path):
    tables = new_api_tables(TARGET, KEYS[:1], OLD)
    (channel,), (token,) = tables["channels"], tables["tokens"]
    vip = {**channel, "id": 2, "name": "vip", "group": "vip, default", "key": KEYS[1]}
    tables["channels"] = [{**channel, "group": "default"}, vip]
    groups = ("", "vip", "default", "auto", "gone")
    tables["tokens"] = [
        {**token, "id": number, "key": f"{number}-of-old-8c1f04", "name": name or "user's"}
        | {"group": name, "user_id": 1}
        for number, name in enumerate(groups)
    ]
    tables["users"] = [{"id": 1, "group": "vip"}]

    import_from("auto", database(tmp_path / "db", tables))

    assert terms() == {
        "user's": ["vip"],
        "vip": ["vip"],
        "default": None,
        "auto": None,
        "gone": [],
    }


@pytest.mark.parametrize("column", ["allow_ips", "subnet"])
def test_a_token_for_some_addresses_is_not_taken(tmp_path: Path, column: str):
    tables = new_api_tables(TARGET, KEYS, OLD)
    tables["tokens"][0][column] = "10.0.0.0/8"

    report = import_from("auto", database(tmp_path / "db", tables))

    assert "is for some addresses only" in left_out(report)["token 7"]
    assert not ClientToken.objects.exists()


def test_one_apis_tokens_are_for_their_models(tmp_path: Path):
    tables = new_api_tables(TARGET, KEYS, OLD)
    tables["tokens"][0]["models"] = "gemini-2.5-flash, gemini-2.5-pro"

    import_from("auto", database(tmp_path / "db", tables))

    assert ClientToken.objects.get().allowed_models == ["gemini-2.5-flash", "gemini-2.5-pro"]


@pytest.mark.parametrize(("target", "groups"), [(TARGET, ["paid"]), ("https://other.example", [])])
def test_a_token_of_a_group_without_keys_is_for_none_that_only_has_its_name(
    tmp_path: Path, target: str, groups: list[str]
):
    add_key(add_group("paid", target_url=target), "ours")
    tables = gpt_load_tables(TARGET, KEYS[:1], OLD)
    tables["groups"] = [*tables["groups"], {**tables["groups"][0], "id": 2, "name": "paid"}]
    tables["groups"][1]["proxy_keys"] = f"{OLD}-paid"

    import_from("auto", database(tmp_path / "db", tables))

    assert terms() == {"gpt-load flash 1": ["flash"], "gpt-load paid 1": groups}


def test_tokens_of_a_group_of_groups_are_for_these(tmp_path: Path):
    tables: dict[str, Any] = dict(gpt_load_tables(TARGET, KEYS, OLD))
    (group,) = tables["groups"]
    other = {**group, "id": 2, "name": "other", "proxy_keys": ""}
    third = {**group, "id": 3, "name": "third", "proxy_keys": ""}
    whole = {**group, "id": 4, "name": "whole", "group_type": "aggregate"}
    whole["proxy_keys"] = "sk-of-the-whole-77aa"
    tables["groups"] = [group, other, third, whole]
    for key, number in zip(tables["api_keys"], (1, 2, 3), strict=True):
        key["group_id"] = number
    tables["group_sub_groups"] = [
        {"group_id": 4, "sub_group_id": number, "weight": 1} for number in (1, 2)
    ]

    import_from("auto", database(tmp_path / "db", tables))

    assert terms() == {"gpt-load flash 1": ["flash"], "gpt-load whole 1": ["flash", "other"]}


def test_a_group_that_knows_its_redirected_models_only_has_these(tmp_path: Path):
    tables = gpt_load_tables(TARGET, KEYS, OLD)
    rules = {"fast": "gemini-2.5-flash", "quick": "gemini-2.5-flash"}
    tables["groups"][0] |= {
        "model_redirect_rules": json.dumps(rules),
        "model_redirect_strict": 1,
    }

    import_from("auto", database(tmp_path / "db", tables))

    assert (Group.objects.get().models, Group.objects.get().aliases) == (
        ["gemini-2.5-flash"],
        rules,
    )


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"model_limits": "", "model_limits_enabled": 1}, "is for no model"),
        ({"models": "m" * 101}, "is for models whose names are none here"),
        ({"models": ",".join(f"m{number}" for number in range(101))}, "is for more than 100"),
    ],
)
def test_a_token_that_would_come_out_wider_is_not_taken(
    tmp_path: Path, terms: dict[str, Any], why: str
):
    tables = new_api_tables(TARGET, KEYS, OLD)
    tables["tokens"][0] |= terms

    report = import_from("auto", database(tmp_path / "db", tables))

    assert left_out(report)["token 7"].startswith(why)
    assert not ClientToken.objects.exists()


def test_a_user_who_is_off_there_lets_nobody_in(tmp_path: Path):
    tables = new_api_tables(TARGET, KEYS, OLD)
    (token,) = tables["tokens"]
    tables["tokens"] = [
        {**token, "id": number, "user_id": number, "key": f"{number}-of-old-8c1f04"}
        for number in (1, 2, 3, 4)
    ]
    tables["users"] = [
        {"id": 1, "group": "default", "status": 1, "deleted_at": None},
        {"id": 2, "group": "default", "status": 2, "deleted_at": None},
        {"id": 3, "group": "default", "status": 1, "deleted_at": "2025-01-01"},
    ]

    report = import_from("auto", database(tmp_path / "db", tables))

    assert len(report["client_tokens"]["created"]) == 1
    assert {"token 2", "token 3", "token 4"} <= left_out(report).keys()


@pytest.mark.parametrize(
    ("types", "groups"), [((99, 24), []), ((24, 99), ["google"]), ((99, 99), [])]
)
def test_a_channel_that_is_not_taken_makes_no_token_wider(
    tmp_path: Path, types: tuple[int, int], groups: list[str]
):
    add_key(add_group("own"), "ours")
    tables = new_api_tables(TARGET, KEYS[:1], OLD)
    (channel,) = tables["channels"]
    of_others = {"id": 2, "name": "vip", "group": "vip", "key": KEYS[1], "type": types[1]}
    tables["channels"] = [{**channel, "type": types[0]}, {**channel, **of_others}]

    import_from("auto", database(tmp_path / "db", tables))

    assert terms() == {"app": groups}


def test_an_end_in_milliseconds_is_one_too(tmp_path: Path):
    tables = new_api_tables(TARGET, KEYS, OLD)
    tables["tokens"][0]["expired_time"] = 1_900_000_000_000

    import_from("auto", database(tmp_path / "db", tables))

    (made,) = ClientToken.objects.all()
    assert made.expires_at is not None
    assert made.expires_at.year == 2030


@pytest.mark.parametrize(
    ("models", "allowed"),
    [
        ([{"gemini-2.5-pro": 5}], ["gemini-2.5-pro"]),
        ("gemini-2.5-pro", ["gemini-2.5-pro"]),
        (["gemini-2.5-pro", "all"], []),
    ],
)
def test_uni_apis_weights_and_single_names_are_models_too(
    tmp_path: Path, models: Any, allowed: list[str]
):
    config = uni_api_config(TARGET, KEYS, OLD)
    config["api_keys"] = [{"api": OLD, "model": models}, {"api": f"{OLD}-none", "model": [1.5]}]
    file = tmp_path / "api.yaml"
    file.write_text(json.dumps(config))

    report = import_from("auto", file)

    assert [token.allowed_models for token in ClientToken.objects.all()] == [allowed]
    assert "names no model" in left_out(report)["api_keys[1].model"]
