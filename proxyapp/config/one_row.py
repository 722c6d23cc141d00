"""One group, or settings of one key, checked as a config file's are.

For what sets them piece by piece. Nothing here touches the database.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxyapp.config.contents import ConfigError, GroupConfig, KeyConfig
from proxyapp.config.exporting import PLACEHOLDER
from proxyapp.config.file import FileReading
from proxyapp.config.setting_values import SettingValues
from proxyapp.models import Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary.exits import exit_lines
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.no_keys import PLACEHOLDER_GIVEN, is_placeholder

GROUP = "group"


def group_entry(group: Group) -> dict[str, Any]:
    """As the config file would have it. What no secret opens is left out: it is not there to be
    checked, and stays as it is.
    """
    entry = {
        field.name_in_file: field.in_file(getattr(group, field.name)) for field in GROUP_FIELDS
    }
    entry["proxy_pool"] = exit_lines(group.proxy_pool) if group.proxy_pool else None
    return {name: value for name, value in entry.items() if not is_closed(group, name)}


def is_closed(group: Group, name: str) -> bool:
    return name in ("proxy_url", "proxy_pool") and getattr(group, name) == UNREADABLE


def checked_group(entry: Mapping[str, Any]) -> GroupConfig:
    """Raises ConfigError with all problems at once."""
    problems: list[str] = []
    named = {name: value for name, value in entry.items() if value is not None}
    group = FileReading(problems, None).group(named | {"api_keys": [PLACEHOLDER]}, GROUP)
    if problems:
        raise ConfigError(problems)
    return group


def checked_key_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of those that are given. None is the default. Raises ConfigError."""
    problems: list[str] = []
    declared = [field for field in KEY_FIELDS if field.name in given]
    settings = SettingValues(problems).settings(dict(given), declared, "key")
    if problems:
        raise ConfigError(problems)
    return settings


def checked_keys(values: Sequence[object], group: Group) -> list[KeyConfig]:
    """New ones, for this group. Raises ConfigError, which has no key in it."""
    problems: list[str] = []
    reading = FileReading(problems, None)
    keys = reading.listed_keys(list(values), "keys")
    for place, key in keys.items():
        if is_placeholder(key.secret):
            reading.wrong(place, PLACEHOLDER_GIVEN)
    reading.check_exits(keys, is_link_local_allowed=group.allow_link_local)
    reading.check_projects(group.target_url, keys)
    if problems:
        raise ConfigError(problems)
    return list(keys.values())


def by_field(error: ConfigError) -> Iterator[tuple[str, str]]:
    """Each problem's place and words."""
    for problem in error.problems:
        place, _, words = problem.partition(": ")
        yield place.removeprefix("group.").removeprefix("key."), words
