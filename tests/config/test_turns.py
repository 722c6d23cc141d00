"""Priorities, weights, strategies and spilling in the config file."""

from pathlib import Path

import pytest

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.models import ApiKey, AuditEntry, Group

SOURCE = Path("/config.yaml")
TEXT = """
groups:
  - name: free
    strategy: fill_first
    spill: {after: 0.9}
    api_keys: [{key: one, priority: 0, weight: 3}, {key: two, priority: 4}, three]
  - {name: paid, priority: 2, strategy: weighted, spill: {after: 1}, api_keys: [four]}
"""


@pytest.mark.django_db
def test_they_reach_the_database_and_come_back_the_same() -> None:
    report = import_config(parse(TEXT), source=SOURCE)

    free, paid = Group.objects.order_by("position")
    assert (free.strategy, free.spill_after) == ("fill_first", 0.9)
    assert (paid.strategy, paid.spill_after) == ("weighted", 1.0)
    keys = ApiKey.objects.order_by("group__position", "position")
    assert list(keys.values_list("priority", "weight")) == [(0, 3), (4, 1), (None, 1), (None, 1)]
    assert not report.warnings
    exported = export_groups(mask=False).text
    assert "after: 0.9" in exported
    assert not import_config(parse(exported), source=SOURCE).changed
    import_config(
        parse(TEXT.replace("0.9", "0.8").replace("weight: 3", "weight: 2")), source=SOURCE
    )
    details = list(AuditEntry.objects.filter(action="change").values_list("detail", flat=True))
    assert any("after 0.9 of the day" in each and "after 0.8" in each for each in details)
    assert any("weight '3' → '2'" in each for each in details)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            "strategy: fastest",
            "groups[0].strategy: must be one of round_robin, weighted, least_used, fill_first",
        ),
        ("strategy: 1", "groups[0].strategy: must be text, not a number; put it in quotes"),
        ("spill: 0.9", "groups[0].spill: must be a mapping such as {after: 0.9}, not a number"),
        ("spill: {at: 0.9}", "groups[0].spill: unknown field 'at'; known are after"),
        *(
            (
                f"spill: {{after: {after}}}",
                "groups[0].spill.after: must be a part of the day's quota, from 0.01 to 1,"
                " such as 0.9",
            )
            for after in (
                "1.5",
                "0",
                "-1",
                "90",
                "90%",
                ".nan",
                "true",
                "null",
                "[0.9]",
                '"${PART}"',
            )
        ),
        (
            "api_keys: [{key: k, weight: 0}]",
            "groups[0].api_keys[0].weight: must be a number from 1 to 10",
        ),
        (
            "api_keys: [{key: k, priority: 101}]",
            "groups[0].api_keys[0].priority: must be a number from 0 to 100",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_the_remedy(given: str, problem: str) -> None:
    given = given if "api_keys" in given else f"{given}, api_keys: [k1]"
    with pytest.raises(ConfigError) as raised:
        parse(f"groups: [{{name: main, {given}}}]", environment={"PART": "2.5"})

    assert problem in raised.value.problems


def test_a_variable_may_hold_the_part() -> None:
    text = 'groups: [{name: a, api_keys: [k1], spill: {after: "${PART}"}}]'

    assert parse(text, environment={"PART": "0.75"}).groups[0].spill_after == 0.75


@pytest.mark.django_db
def test_a_spill_without_anybody_behind_it_is_warned_of() -> None:
    text = "groups: [{name: main, spill: {after: 0.9}, api_keys: [one]}]"

    report = import_config(parse(text), source=SOURCE)

    assert report.warnings == [
        "group 'main': spill does nothing, for no key has a higher priority number than 0; give"
        " those that shall answer then 1 or more"
    ]
    behind = text.replace("api_keys: [one]", "api_keys: [one, {key: two, priority: 1}]")
    assert not import_config(parse(behind), source=SOURCE).warnings
