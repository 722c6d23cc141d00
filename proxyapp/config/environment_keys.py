"""Keys in the environment: what `GEMINI_API_KEY` and its like hold, for a gateway without a config
file.

Pure. No text repeats what a variable holds.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path

from proxyapp.config.contents import ConfigError, GroupConfig, KeyConfig
from proxyapp.config.keys_of_groups import doubts_of
from proxyapp.config.plain_yaml import BadValue
from proxyapp.config.variables import FromVariable, keys_of
from proxyapp.vocabulary.checks import check_key_or_placeholder
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL, RateLimitPolicy
from proxyapp.vocabulary.no_keys import is_placeholder

ONE, SEVERAL = "GEMINI_API_KEY", "GEMINI_API_KEYS"
NUMBERED = re.compile(rf"{ONE}_([1-9][0-9]{{0,8}})")
GROUP = "default-gemini"  # as in config.example.yaml


@dataclass(frozen=True)
class EnvironmentKeys:
    """`names`: of the variables that were read. `unread`: of those behind a gap in the numbers.
    `files`: that variables name.
    """

    names: tuple[str, ...]
    unread: tuple[str, ...]
    group: GroupConfig
    files: tuple[Path, ...] = ()


def keys_of_environment(environment: Mapping[str, str]) -> EnvironmentKeys | None:
    """None: none of the variables is set. Raises ConfigError."""
    names = [name for name in (ONE, SEVERAL) if _is_set(environment, name)]
    names += takewhile(lambda name: _is_set(environment, name), map(_numbered, count(1)))
    if not names:
        return None
    problems: list[str] = []
    keys = {place: key for name in names for place, key in _keys(name, environment[name], problems)}
    if problems:
        raise ConfigError(problems)
    placeholders = tuple(place for place, key in keys.items() if is_placeholder(key))
    first: dict[str, str] = {}
    for place, key in keys.items():
        if place not in placeholders:
            first.setdefault(key, place)
    configs = {place: KeyConfig(key) for key, place in first.items()}
    group = GroupConfig(
        name=GROUP,
        rate_limit_policy=RateLimitPolicy.QUOTA_AWARE,
        api_keys=tuple(configs.values()),
        placeholders=placeholders,
        doubts=tuple(doubts_of(configs, DEFAULT_TARGET_URL)),
    )
    return EnvironmentKeys(tuple(names), tuple(_behind_a_gap(environment, names)), group)


def _keys(name: str, value: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    text = FromVariable(value.strip())
    text.name = name
    try:
        keys = keys_of(text)
    except BadValue as problem:
        problems.append(f"{name}: {problem}")
        return
    for number, key in enumerate(keys, start=1):
        place = name if len(keys) == 1 else f"{name} (key {number})"
        if wrong := check_key_or_placeholder(key):
            problems.append(f"{place}: {wrong}")
        yield place, key.strip()


def _behind_a_gap(environment: Mapping[str, str], names: Sequence[str]) -> list[str]:
    numbers = sorted(int(found[1]) for name in environment if (found := NUMBERED.fullmatch(name)))
    later = [name for name in map(_numbered, numbers) if name not in names]
    return [name for name in later if _is_set(environment, name)]


def _numbered(number: int) -> str:
    return f"{ONE}_{number}"


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return bool(environment.get(name, "").strip())
