"""Limits, priorities and prefixes of other gateways, as what they are here."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from proxyapp.models import ApiKey, ClientToken, Group
from tests.support.import_from import import_from, left_out
from tests.support.peer_files import cliproxyapi_config, litellm_config, uni_api_config
from tests.support.pool_data import secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"
Import = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    def run(tree: dict[str, Any]) -> dict[str, Any]:
        (tmp_path / "file").write_text(yaml.safe_dump(tree))
        return import_from("auto", tmp_path / "file")

    return run


def test_litellms_limits_of_tokens_are_those_of_input(imported: Import):
    config = litellm_config(TARGET, KEYS[:1], OLD)
    every = {"model": "gemini/*", "api_base": TARGET, "api_key": KEYS[1], "tpm": 5, "rpm": 5}
    config["model_list"][0]["litellm_params"]["tpm"] = 250_000
    config["model_list"].append({"model_name": "all", "litellm_params": every})

    left = left_out(imported(config))

    limits = {"requests_per_minute": 10, "input_tokens_per_minute": 250_000}
    assert ApiKey.objects.get(position=0, group__name="gemini").limits == {
        "gemini-2.5-flash": limits
    }
    assert ApiKey.objects.get(group__name="gemini-2").limits == {}
    assert left["model_list[1].litellm_params.tpm"] == "say it as `limits` of the group"
    assert "model_list[1].litellm_params.rpm" in left


def test_cliproxyapis_higher_priority_goes_first_and_its_prefix_is_an_alias(imported: Import):
    config = cliproxyapi_config(TARGET, KEYS, OLD)
    first, second, _ = config["gemini-api-key"]
    first["priority"], second["priority"] = 10, -5
    for entry in config["gemini-api-key"]:
        entry["prefix"] = "team"
    config["gemini-api-key"].append({"api-key": secret("bare"), "prefix": "other"})

    left = left_out(imported(config))

    keys = ApiKey.objects.filter(group__name="gemini").order_by("position")
    assert [key.priority for key in keys] == [0, 15, 10]
    assert Group.objects.get(name="gemini").aliases == {
        "fast": "gemini-2.5-flash",
        "team/fast": "gemini-2.5-flash",
    }
    assert left.keys() == {"port", "gemini-api-key[3].prefix"}


@pytest.mark.parametrize(
    ("given", "limits", "is_left"),
    [
        ("15/min", {"*": {"requests_per_minute": 15}}, False),
        (
            {"gemini-2.5-flash": "10/m, 250/day"},
            {"gemini-2.5-flash": {"requests_per_minute": 10, "requests_per_day": 250}},
            False,
        ),
        (
            {"gemini-2.5-flash": "10/min", "default": "4/min"},
            {"gemini-2.5-flash": {"requests_per_minute": 10}},
            True,
        ),
        ("15/min,9/hour", {"*": {"requests_per_minute": 15}}, True),
        ("0/min", {}, True),
        ({"a b": "1/min"}, {}, True),
        ([["15/min"]], {}, True),
    ],
)
def test_uni_apis_rates_are_limits_of_the_group(
    imported: Import, given: Any, limits: dict[str, Any], *, is_left: bool
):
    config = uni_api_config(TARGET, KEYS, OLD)
    config["providers"][0]["preferences"] = {"api_key_rate_limit": given}

    left = left_out(imported(config))

    assert Group.objects.get().limits == limits
    assert bool(left) is is_left


def test_uni_apis_rates_of_clients_are_theirs(imported: Import):
    config = uni_api_config(TARGET, KEYS, OLD)
    config["api_keys"][0]["preferences"] = {"rate_limit": "30/min"}
    other = {"api": "sk-of-a-second-client-77", "preferences": {"RATE_LIMIT": "30/min,9/hour,50/d"}}
    config["api_keys"].append(other)

    left = left_out(imported(config))

    tokens = ClientToken.objects.order_by("name")
    assert [token.requests_per_minute for token in tokens] == [30, 30]
    assert [token.requests_per_day for token in tokens] == [None, 50]
    assert left["api_keys[1].preferences.rate_limit"].startswith("say it as limits of the token")


def test_a_rate_that_no_column_holds_is_not_taken(imported: Import):
    config = uni_api_config(TARGET, KEYS, OLD)
    config["api_keys"][0]["preferences"] = {"rate_limit": "30000000000/min"}

    assert left_out(imported(config))["api_keys[0].api"].startswith("has a limit that is none")
    assert not ClientToken.objects.exists()


def test_of_many_tokens_some_are_named(imported: Import, tmp_path: Path):
    config = cliproxyapi_config(TARGET, KEYS, OLD)
    config["api-keys"] = [f"weak-{number}" for number in range(1000, 1300)]
    out = io.StringIO()

    report = imported(config)
    config["api-keys"] = [f"feeble-{number}" for number in range(1000, 1300)]
    (tmp_path / "file").write_text(yaml.safe_dump(config))
    call_command("import_from", "auto", str(tmp_path / "file"), stdout=out)

    assert len(report["client_tokens"]["created"]) == 300
    assert len(report["notes"]) == 51
    assert report["notes"][-1] == "… and 251 more"
    assert out.getvalue().count("created client token ") == 50
    assert "created client tokens: 250 more" in out.getvalue()
