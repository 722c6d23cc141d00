"""Prices of LiteLLM's entries, a token there, a million tokens here."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxyapp.models import ApiKey, Group, ModelPrice
from tests.support.import_from import import_from, left_out
from tests.support.pool_data import secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three", "four")]


def entry(number: int, model: str, info: dict[str, Any] | None = None, **costs: Any) -> Any:
    params = {"model": model, "api_key": KEYS[number], **costs}
    return {
        "model_name": model,
        "litellm_params": params,
        "model_info": {"id": "x", **(info or {})},
    }


def imported(path: Path, *entries: Any, text: str = "") -> dict[str, Any]:
    path.write_text(text or yaml.safe_dump({"model_list": list(entries)}))
    return import_from("auto", path)


def test_prices_are_for_a_million_tokens(tmp_path: Path):
    report = imported(
        tmp_path / "file",
        entry(
            0,
            "gemini/gemini-2.5-flash",
            input_cost_per_token="3e-07",
            output_cost_per_token=0.0000025,
        ),
        entry(1, "gemini/free", {"input_cost_per_token": 0, "output_cost_per_token": 0}),
        entry(2, "gemini/gemini-2.5-flash", {"input_cost_per_token": "9e-07"}),
        entry(3, "openrouter/google/other", input_cost_per_token="much"),
    )

    prices = dict(ModelPrice.objects.values_list("name", "terms"))
    assert prices == {
        "gemini-2.5-flash": {"input": "0.30", "output": "2.50"},
        "free": {"free": True},
    }
    assert report["prices"]["created"] == 2
    left = left_out(report)
    assert left["model_list[2].litellm_params"].startswith("has another price")
    assert left["model_list[3].litellm_params.input_cost_per_token"] == "is no number"


def test_half_a_price_is_none(tmp_path: Path):
    costs: dict[str, Any] = {"input_cost_per_token": 0.0000003, "output_cost_per_token": "2.5 USD"}

    report = imported(tmp_path / "file", entry(0, "gemini/a", **costs))

    left = left_out(report)
    assert left == {"model_list[0].litellm_params.output_cost_per_token": "is no number"}
    assert not ModelPrice.objects.exists()


@pytest.mark.parametrize("cost", ["1e9999999", "1e999999", "1e-999999", "sNaN", "-Infinity"])
def test_a_number_that_is_no_price_is_left_out(tmp_path: Path, cost: str):
    costs: dict[str, Any] = {"input_cost_per_token": cost, "weight": f"{' ' * 30}5"}

    report = imported(tmp_path / "file", entry(0, "gemini/a", **costs))

    assert left_out(report).keys() == {"model_list[0].litellm_params.input_cost_per_token"}
    assert ApiKey.objects.get().weight == 5
    assert not ModelPrice.objects.exists()


def test_what_yaml_makes_something_else_of_is_said(tmp_path: Path):
    written = entry(0, "gemini/a", input_cost_per_token=1.5)
    text = yaml.safe_dump({"model_list": [written]}).replace("1.5", "2026-11-30")

    left = left_out(imported(tmp_path / "file", text=text))

    place = "model_list[0].litellm_params.input_cost_per_token"
    assert left[place] == "is a date, which no field takes"
    assert not ModelPrice.objects.exists()


def test_a_model_keeps_the_slashes_that_its_provider_has_in_it(tmp_path: Path):
    imported(tmp_path / "file", entry(0, "openrouter/google/gemini-2.5-flash"))

    assert Group.objects.get().models == ["google/gemini-2.5-flash"]
