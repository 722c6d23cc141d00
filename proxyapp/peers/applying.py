"""What was moved, applied as an import applies a config file: one transaction, one validation."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from proxyapp.access.foreign_tokens import take_over
from proxyapp.config.contents import Config, ConfigError
from proxyapp.config.file import FileReading
from proxyapp.config.importing import import_config
from proxyapp.config.report import Report
from proxyapp.models import ApiKey, ClientToken, Group
from proxyapp.models.audit import Actor
from proxyapp.operators.key_actions import change_audited
from proxyapp.peers.moved import MovedGroup, MovedIn, MovedKey
from proxyapp.peers.unfit import leave_unfit
from proxyapp.pool.cursor import lock_pool
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL


@dataclass(frozen=True, slots=True)
class Applied:
    """`tokens`, `disabled`: what is new of both. `is_closed`: no client was asked for a token
    before.
    """

    report: Report
    tokens: list[ClientToken]
    disabled: int
    is_closed: bool


def config_of(moved: MovedIn) -> Config:
    """Checked as a config file is; what cannot be so is left out of `moved`. Raises ConfigError."""
    config, problems = _checked(moved)
    while problems and leave_unfit(moved, problems):
        config, problems = _checked(moved)
    if problems:
        names = {f"groups[{index}]": group.name for index, group in enumerate(moved.groups)}
        raise ConfigError(_named(problem, names) for problem in problems)
    return config


def _checked(moved: MovedIn) -> tuple[Config, list[str]]:
    problems: list[str] = []
    tree: dict[str, Any] = {"groups": [_group(group) for group in moved.groups]}
    if moved.prices:
        tree["prices"] = moved.prices
    return FileReading(problems, None).config(tree), problems


def apply_moved(moved: MovedIn, by: Actor, *, dry_run: bool = False) -> Applied:
    """What an operator has changed of a key since stays: only new ones are disabled.

    Raises ConfigError.
    """
    config = config_of(moved)
    with transaction.atomic():
        lock_pool()
        _beside_others(moved)
        config = _renamed(config, moved)
        was_open = not ClientToken.objects.exists()
        source = Path(f"/import_from/{moved.peer}")
        report = import_config(config, source=source, takes_out=False, by=by)
        off = _off(moved, report)
        disabled = change_audited("disable", off, by, timezone.now()) if off else []
        tokens = take_over(moved.tokens, by)
        if dry_run:
            transaction.set_rollback(True)
    return Applied(report, tokens, len(disabled), was_open and bool(tokens))


def _beside_others(moved: MovedIn) -> None:
    """Keys that are here already go nowhere else because a file has a group of the same name, and
    no token of the file is for them.
    """
    there = {
        name.lower(): target for name, target in Group.objects.values_list("name", "target_url")
    }
    taken = {group.name.lower() for group in moved.groups}
    names = {each.name: each.name for each in moved.dropped if _is_there(each, there)}
    for group in moved.groups:
        names[group.name] = next(
            name
            for name in _names(group.name, moved.peer)
            if there.get(name.lower(), _target(group)) == _target(group)
            and (name == group.name or name.lower() not in taken)
        )
        taken.add(names[group.name].lower())
    moved.rename(names)


def _target(group: MovedGroup) -> str:
    return str(group.fields.get("target_url", DEFAULT_TARGET_URL))


def _is_there(group: MovedGroup, there: Mapping[str, str]) -> bool:
    """Its keys may have come before, as text."""
    return there.get(group.name.lower()) == _target(group)


def _renamed(config: Config, moved: MovedIn) -> Config:
    groups = zip(config.groups, moved.groups, strict=True)
    return replace(config, groups=tuple(replace(group, name=new.name) for group, new in groups))


def _names(name: str, peer: str) -> Iterator[str]:
    yield name
    yield f"{name}-{peer}"
    yield from (f"{name}-{peer}-{number}" for number in itertools.count(2))


def _group(group: MovedGroup) -> dict[str, Any]:
    fields = dict(group.fields)
    if any("weight" in key.fields for key in group.keys):
        fields.setdefault("strategy", "weighted")
    return {"name": group.name, **fields, "api_keys": [_key(key) for key in group.keys]}


def _key(key: MovedKey) -> object:
    return {"key": key.secret, **key.fields} if key.fields else key.secret


def _off(moved: MovedIn, report: Report) -> list[int]:
    secrets = {key.secret for key in moved.keys if key.is_off}
    if not secrets:
        return []
    return [
        change.row.pk
        for change in report.rows
        if change.action == "add"
        and isinstance(change.row, ApiKey)
        and change.row.secret in secrets
    ]


def _named(problem: str, names: Mapping[str, str]) -> str:
    place, bracket, rest = problem.partition("]")
    name = names.get(place + bracket)
    return f"group {name!r}{rest}" if name else problem
