"""The fields of a group are declared once, and each of them is where it has to be."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from proxyapp.admin.groups.form import GroupForm
from proxyapp.config.contents import GroupConfig
from proxyapp.config.exporting import export_groups
from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from proxyapp.config.last_import import canonical_text
from proxyapp.models import Group
from proxyapp.pool.store import group_of_pool
from proxyapp.vocabulary.group_fields import GROUP_FIELDS, GroupField
from tests.support.certificates import authority, pem
from tests.support.pool_data import secret

OWN_OF_THE_GATEWAY = {
    *("id", "position", "single_credential_since", "off_until", "created_at", "updated_at")
}
SOURCE = Path("/config.yaml")


def other_value(field: GroupField) -> Any:
    """Neither the default nor what `described` says."""
    special = {
        "name": "ANOTHER",
        "target_url": "https://another.example",
        "proxy_url": "socks5://user:password-MARKER@another.example:1080",
        "rate_limit_policy": "quota_aware",
        "auth": "bearer",
        "tier": "free",
        "strategy": "fill_first",
        "sticky": "prefix",
    }
    match field.sort:
        case "number":
            return field.allowed[-1]
        case "spill":
            return 0.9
        case "flag":
            return not field.default
        case "certificates":
            return authority(pem("another"))
        case "exits":
            return "direct\nsocks5://user:password-MARKER@another.example:1080"
        case "models":
            return ["gemini-*", "gpt-4o"]
        case "aliases":
            return {"fast": "gemini-2.5-flash"}
        case "limits":
            return {"gemini-2.5-*": {"requests_per_minute": 10, "requests_per_day": 250}}
        case "fallbacks":
            return {"gemini-2.5-pro": ["gemini-2.5-flash", "gemini-2.0-flash"]}
    return special[field.name]


def described(**fields: Any) -> GroupConfig:
    return dataclasses.replace(
        parse(f"groups: [{{name: another, api_keys: [{secret('k')}]}}]").groups[0], **fields
    )


each_field = pytest.mark.parametrize("field", GROUP_FIELDS, ids=lambda field: field.name)


def test_every_column_of_a_group_is_declared_or_the_gateways_own() -> None:
    columns = {column.name for column in Group._meta.concrete_fields}

    assert columns - OWN_OF_THE_GATEWAY == {field.name for field in GROUP_FIELDS}


@each_field
def test_a_column_has_the_default_that_is_declared(field: GroupField) -> None:
    value = getattr(Group(), field.name)

    if not field.is_required:
        assert value == field.default


def test_the_form_offers_every_field() -> None:
    offered = {name.removeprefix("new_") for name in GroupForm.base_fields}

    assert {field.name for field in GROUP_FIELDS} <= offered


@pytest.mark.django_db
@each_field
def test_a_change_of_the_file_reaches_the_database_the_report_and_the_pool(
    field: GroupField,
) -> None:
    config = parse(f"groups: [{{name: another, api_keys: [{secret('k')}]}}]")
    import_config(config, source=SOURCE)
    before = group_of_pool(Group.objects.get())
    new = described(**{field.name: other_value(field)})

    report = import_config(dataclasses.replace(config, groups=(new,)), source=SOURCE)

    group = Group.objects.get()
    assert getattr(group, field.name) == other_value(field)
    assert [change.field for change in report.rows[0].fields] == [field.name]
    assert "MARKER" not in str(report.rows[0])
    assert group_of_pool(group) != before
    assert parse(export_groups(mask=False).text).groups == (new,)


@each_field
def test_a_start_sees_that_a_field_of_the_file_has_changed(field: GroupField) -> None:
    new = described(**{field.name: other_value(field)})

    assert canonical_text(new) != canonical_text(described())
