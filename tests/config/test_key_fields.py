"""The settings of a key are declared once, and each of them is where it has to be."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from proxyapp.admin.keys.form import ApiKeyForm
from proxyapp.config.contents import GroupConfig
from proxyapp.config.exporting import export_groups
from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from proxyapp.config.last_import import canonical_text
from proxyapp.models import ApiKey
from proxyapp.pool.store import PoolReader
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.setting_field import SettingField
from tests.support.pool_data import NOW, secret

OWN_OF_THE_GATEWAY = {
    *("id", "group", "position", "secret", "key_hash", "masked", "status", "status_reason"),
    *("last_used_at", "created_at", "updated_at"),
}
SOURCE = Path("/config.yaml")
OTHER = {
    "name": "laptop",
    "project": "alpha",
    "proxy_url": "socks5://user:password-MARKER@own.example:1080",
}

each_field = pytest.mark.parametrize("field", KEY_FIELDS, ids=lambda field: field.name)


def other_value(field: SettingField) -> Any:
    """Not the default."""
    match field.sort:
        case "number":
            return field.allowed[-1]
        case "limits":
            return {"gemini-2.5-*": {"requests_per_minute": 10, "requests_per_day": 250}}
    return OTHER[field.name]


def described(**fields: Any) -> GroupConfig:
    (group,) = parse(f"groups: [{{name: main, api_keys: [{secret('k')}]}}]").groups
    return dataclasses.replace(group, api_keys=(dataclasses.replace(group.api_keys[0], **fields),))


def test_every_column_of_a_key_is_declared_or_the_gateways_own() -> None:
    columns = {column.name for column in ApiKey._meta.concrete_fields}

    assert columns - OWN_OF_THE_GATEWAY == {field.name for field in KEY_FIELDS}


@each_field
def test_a_column_has_the_default_that_is_declared(field: SettingField) -> None:
    assert getattr(ApiKey(), field.name) == field.default


def test_the_form_offers_every_setting() -> None:
    offered = {name.removeprefix("new_") for name in ApiKeyForm.base_fields}

    assert {field.name for field in KEY_FIELDS} <= offered


@pytest.mark.django_db
@each_field
def test_a_change_of_the_file_reaches_the_database_the_report_and_the_pool(
    field: SettingField,
) -> None:
    config = parse(f"groups: [{{name: main, api_keys: [{secret('k')}]}}]")
    import_config(config, source=SOURCE)
    (before,) = PoolReader().load(NOW).keys.values()
    new = described(**{field.name: other_value(field)})

    report = import_config(dataclasses.replace(config, groups=(new,)), source=SOURCE)

    assert getattr(ApiKey.objects.get(), field.name) == other_value(field)
    assert [change.field for change in report.rows[0].fields] == [field.name]
    assert "MARKER" not in str(report.rows[0])
    (after,) = PoolReader().load(NOW).keys.values()
    assert after != before
    assert parse(export_groups(mask=False).text).groups == (new,)


@each_field
def test_null_is_what_is_not_given(field: SettingField) -> None:
    text = f"groups: [{{name: main, api_keys: [{{key: {secret('k')}, {field.name}: null}}]}}]"

    assert parse(text).groups == (described(),)


@each_field
def test_a_start_sees_that_a_setting_of_the_file_has_changed(field: SettingField) -> None:
    new = described(**{field.name: other_value(field)})

    assert canonical_text(new) != canonical_text(described())
