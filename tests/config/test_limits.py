"""Limits in the config file: read, imported, reported, exported."""

from pathlib import Path

import pytest

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.models import ApiKey, AuditEntry, Group

SOURCE = Path("/config.yaml")
TEXT = """
groups:
  - name: main
    tier: free
    limits:
      gemini-2.5-*: {requests_per_minute: 10, requests_per_day: 250}
    max_concurrent: 4
    api_keys:
      - {key: one, project: alpha, limits: {models/gemini-2.5-pro: {tokens_per_day: 9}}}
      - {key: two, max_concurrent: 1}
"""


def problems_of(given: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse(f"groups: [{{name: main, api_keys: [k1], {given}}}]", environment={"TEN": "10"})
    return raised.value.problems


@pytest.mark.django_db
def test_they_reach_the_database_and_the_audit_log_and_come_back_the_same() -> None:
    import_config(parse(TEXT), source=SOURCE)

    group, (one, two) = Group.objects.get(), ApiKey.objects.order_by("position")
    assert (group.tier, group.max_concurrent) == ("free", 4)
    assert group.limits == {"gemini-2.5-*": {"requests_per_minute": 10, "requests_per_day": 250}}
    assert one.limits == {"gemini-2.5-pro": {"tokens_per_day": 9}}
    assert (one.max_concurrent, two.max_concurrent) == (None, 1)
    exported = export_groups(mask=False).text
    assert not import_config(parse(exported), source=SOURCE).changed
    changed = parse(TEXT.replace("250", "500").replace("    tier: free\n", ""))
    import_config(changed, source=SOURCE)
    detail = AuditEntry.objects.get(object_type="group", action="change").detail
    assert "tier 'free' → ''" in detail
    assert (
        "requests_per_day 250' → 'gemini-2.5-*: requests_per_minute 10, requests_per_day 500'"
        in (detail)
    )


def test_a_variable_may_hold_a_number() -> None:
    text = 'groups: [{name: a, api_keys: [k1], limits: {"*": {requests_per_day: "${TEN}"}}}]'

    assert parse(text, environment={"TEN": "10"}).groups[0].limits == {
        "*": {"requests_per_day": 10}
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("tier: gold", "groups[0].tier: is no tier whose limits are known; known are free, tier-1"),
        ("max_concurrent: 0", "groups[0].max_concurrent: must be a number from 1 to 100000"),
        ("limits: [3]", "groups[0].limits: must be a mapping of models with their limits"),
        ('limits: {"*": 3}', "groups[0].limits.*: must be a mapping of limits"),
        (
            'limits: {"*": {requests_per_minute: 10/min}}',
            "groups[0].limits.*.requests_per_minute: must be a whole number, written out: 10",
        ),
        ('limits: {"*": {rpm: 1}}', "groups[0].limits.*: unknown limit 'rpm'; did you mean"),
        (
            "limits: {models/a: {requests_per_day: 1}, a: {requests_per_day: 2}}",
            "groups[0].limits.a: stands here again",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(given: str, problem: str) -> None:
    (said,) = problems_of(given)

    assert said.startswith(problem)


def test_what_is_wrong_with_a_keys_own_is_said_at_the_key() -> None:
    key = '{key: k2, limits: {"*": {requests_per_day: 0}}}'
    with pytest.raises(ConfigError) as raised:
        parse(f"groups: [{{name: main, api_keys: [k1, {key}]}}]")

    assert "groups[0].api_keys[1].limits.*.requests_per_day: must be 1 or more" in str(raised.value)
