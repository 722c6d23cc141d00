"""Limits that are allowed and hardly meant: an import takes them, and says so."""

from pathlib import Path

import pytest

from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from tests.support.pool_data import add_group, add_key, use

pytestmark = pytest.mark.django_db
TEXT = """
groups:
  - name: main
    models: ["llama-*"]
    aliases: {fast: qwen-3}
    limits: {PATTERN: {requests_per_minute: 5}}
    api_keys: [k1]
"""


def warnings(text: str) -> list[str]:
    return import_config(parse(text), source=Path("/config.yaml")).warnings


@pytest.mark.parametrize(
    "pattern", ["gemini-2.5-flash", "gemini-*", "gemma-3-27b", "llama-4", "qwen-3", "'*'", "used-1"]
)
def test_a_pattern_of_a_model_that_is_known_from_anywhere_is_fine(pattern: str) -> None:
    use(add_key(add_group("other"), "k"), model="used-1")

    assert warnings(TEXT.replace("PATTERN", pattern)) == []


def test_a_pattern_that_fits_nothing_is_named() -> None:
    (warning,) = warnings(TEXT.replace("PATTERN", "gemni-*"))

    assert warning.startswith("group 'main': limits.gemni-* fits no model")


def test_limits_that_contradict_are_named_wherever_they_are() -> None:
    limits = "limits: {gemini-2.5-pro: {requests_per_minute: 10, requests_per_day: 5}}"
    said = "limits.gemini-2.5-pro: a day's 5 requests are fewer than a minute's 10"
    text = f"""
groups: [{{name: main, api_keys: [{{key: k1, {limits}}}]}}]
projects: {{alpha: {{{limits}}}}}
"""

    found = warnings(text)

    assert [warning.partition(": ")[2] for warning in found] == [said, said]
    assert found[1].startswith("project 'alpha'")


def test_a_file_with_many_of_them_says_how_many() -> None:
    limits = ", ".join(f"gemni-{number}: {{requests_per_day: 1}}" for number in range(30))

    found = warnings(f"groups: [{{name: main, api_keys: [k1], limits: {{{limits}}}}}]")

    assert len(found) == 21
    assert found[-1] == "10 more limits are hardly meant"
