"""What an operator sets of a group: each field is declared here, once.

The config file is read and checked by it, compared with the database, reported and exported by it,
and the admin's form offers what stands here. The model has a column of the same name.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, dataclass
from enum import StrEnum
from typing import Any, Literal

from proxyapp.vocabulary.auth_places import check_auth
from proxyapp.vocabulary.certificates import counted_certificates
from proxyapp.vocabulary.checks import check_group_name, proxies, targets
from proxyapp.vocabulary.choices import (
    DEFAULT_TARGET_URL,
    MAX_EMPTY_RETRIES,
    MAX_PRIORITY,
    MAX_WEIGHT,
    Auth,
    RateLimitPolicy,
    choice_values,
)
from proxyapp.vocabulary.model_lists import alias_lines, fallback_lines, model_lines
from proxyapp.vocabulary.quoting import quoted
from proxyapp.vocabulary.urls import shown_url

Sort = Literal["text", "number", "flag", "certificates", "models", "aliases", "fallbacks"]
Check = Callable[[str], str | None]

# A change of one of these makes the gateway try two credentials again.
CREDENTIAL_FIELDS = frozenset({"target_url", "auth"})


def _one_of(choices: type[StrEnum]) -> Callable[[bool], Check]:
    values = choice_values(choices)
    problem = f"must be one of {', '.join(values)}"
    return lambda _: lambda value: None if value in values else problem


def _anything(_: bool) -> Check:
    return lambda value: None


def _in_lines(lines: Callable[[Any], list[str]]) -> Callable[[Any], str]:
    return lambda value: quoted("; ".join(lines(value))) if value else "none"


@dataclass(frozen=True)
class GroupSettings:
    """What stands beside a field is a GroupField's, under the same names."""

    name: str = dataclasses.field(metadata={"check": lambda _: check_group_name})
    target_url: str = dataclasses.field(
        default=DEFAULT_TARGET_URL,
        metadata={"check": targets, "shown": shown_url, "is_always_exported": True},
    )
    proxy_url: str | None = dataclasses.field(
        default=None, repr=False, metadata={"check": proxies, "shown": shown_url}
    )
    ca_certificates: str = dataclasses.field(
        default="",
        metadata={"sort": "certificates", "shown": counted_certificates, "is_of_trust": True},
    )
    allow_link_local: bool = dataclasses.field(
        default=False, metadata={"sort": "flag", "is_of_trust": True}
    )
    rate_limit_policy: str = dataclasses.field(
        default=RateLimitPolicy.DAILY.value, metadata={"check": _one_of(RateLimitPolicy)}
    )
    auth: str = dataclasses.field(default=Auth.AUTO.value, metadata={"check": lambda _: check_auth})
    priority: int = dataclasses.field(
        default=0, metadata={"sort": "number", "allowed": range(MAX_PRIORITY + 1)}
    )
    weight: int = dataclasses.field(
        default=1, metadata={"sort": "number", "allowed": range(1, MAX_WEIGHT + 1)}
    )
    retry_empty_answers: int = dataclasses.field(
        default=0, metadata={"sort": "number", "allowed": range(MAX_EMPTY_RETRIES + 1)}
    )
    rewrite_paths: bool = dataclasses.field(default=True, metadata={"sort": "flag"})
    unwrap_errors: bool = dataclasses.field(default=True, metadata={"sort": "flag"})
    include_usage: bool = dataclasses.field(default=False, metadata={"sort": "flag"})
    models: list[str] = dataclasses.field(
        default_factory=list, metadata={"sort": "models", "shown": _in_lines(model_lines)}
    )
    aliases: dict[str, str] = dataclasses.field(
        default_factory=dict, metadata={"sort": "aliases", "shown": _in_lines(alias_lines)}
    )
    fallbacks: dict[str, list[str]] = dataclasses.field(
        default_factory=dict, metadata={"sort": "fallbacks", "shown": _in_lines(fallback_lines)}
    )
    shared_resources: bool = dataclasses.field(default=False, metadata={"sort": "flag"})


@dataclass(frozen=True, slots=True)
class GroupField:
    """`check`: of a text, for a group that may, or may not, reach link-local addresses. `allowed`:
    the numbers. `shown`: the value in a line of text, without what is secret in it. `is_of_trust`:
    it widens what the gateway trusts, and has its own part of the form.
    """

    name: str
    default: Any
    sort: Literal["text", "number", "flag", "certificates", "models", "aliases", "fallbacks"] = (
        "text"
    )
    check: Callable[[bool], Check] = _anything
    allowed: range = range(0)
    shown: Callable[[Any], str] = quoted
    is_always_exported: bool = False
    is_of_trust: bool = False

    @property
    def is_required(self) -> bool:
        return self.default is MISSING


def _default(one: dataclasses.Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


GROUP_FIELDS = tuple(
    GroupField(one.name, _default(one), **one.metadata) for one in dataclasses.fields(GroupSettings)
)
