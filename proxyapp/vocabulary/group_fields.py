"""What an operator sets of a group: each field is declared here, once.

The config file is read and checked by it, compared with the database, reported and exported by it,
and the admin's form offers what stands here. The model has a column of the same name.
"""

import dataclasses
from dataclasses import dataclass

from proxyapp.vocabulary.auth_places import check_auth
from proxyapp.vocabulary.certificates import counted_certificates
from proxyapp.vocabulary.checks import check_group_name, proxies, targets
from proxyapp.vocabulary.choices import (
    DEFAULT_TARGET_URL,
    MAX_EMPTY_RETRIES,
    Auth,
    RateLimitPolicy,
)
from proxyapp.vocabulary.exits import exit_check, shown_pool
from proxyapp.vocabulary.model_lists import alias_lines, fallback_lines, model_lines
from proxyapp.vocabulary.quota_fields import CONCURRENCY, LIMITS, STICKY, TIER
from proxyapp.vocabulary.setting_field import SettingField, fields_of, in_lines, one_of
from proxyapp.vocabulary.turn_fields import PRIORITY, SPILL, STRATEGY, WEIGHT
from proxyapp.vocabulary.urls import shown_url

GroupField = SettingField

# A change of one of these makes the gateway try two credentials again.
CREDENTIAL_FIELDS = frozenset({"target_url", "auth"})


@dataclass(frozen=True)
class GroupSettings:
    """What stands beside a field is a SettingField's, under the same names."""

    name: str = dataclasses.field(metadata={"check": lambda _: check_group_name})
    target_url: str = dataclasses.field(
        default=DEFAULT_TARGET_URL,
        metadata={"check": targets, "shown": shown_url, "is_always_exported": True},
    )
    proxy_url: str | None = dataclasses.field(
        default=None, repr=False, metadata={"check": proxies, "shown": shown_url}
    )
    proxy_pool: str | None = dataclasses.field(
        default=None,
        repr=False,
        metadata={"sort": "exits", "check": exit_check, "shown": shown_pool},
    )
    ca_certificates: str = dataclasses.field(
        default="",
        metadata={"sort": "certificates", "shown": counted_certificates, "is_of_trust": True},
    )
    allow_link_local: bool = dataclasses.field(
        default=False, metadata={"sort": "flag", "is_of_trust": True}
    )
    rate_limit_policy: str = dataclasses.field(
        default=RateLimitPolicy.DAILY.value, metadata={"check": one_of(RateLimitPolicy)}
    )
    auth: str = dataclasses.field(default=Auth.AUTO.value, metadata={"check": lambda _: check_auth})
    enabled: bool = dataclasses.field(default=True, metadata={"sort": "flag"})
    priority: int = dataclasses.field(default=0, metadata=PRIORITY)
    spill_after: float | None = dataclasses.field(default=None, metadata=SPILL)
    weight: int = dataclasses.field(default=1, metadata=WEIGHT)
    strategy: str = dataclasses.field(default="", metadata=STRATEGY)
    retry_empty_answers: int = dataclasses.field(
        default=0, metadata={"sort": "number", "allowed": range(MAX_EMPTY_RETRIES + 1)}
    )
    rewrite_paths: bool = dataclasses.field(default=True, metadata={"sort": "flag"})
    unwrap_errors: bool = dataclasses.field(default=True, metadata={"sort": "flag"})
    include_usage: bool = dataclasses.field(default=False, metadata={"sort": "flag"})
    free: bool = dataclasses.field(default=False, metadata={"sort": "flag"})
    models: list[str] = dataclasses.field(
        default_factory=list, metadata={"sort": "models", "shown": in_lines(model_lines)}
    )
    aliases: dict[str, str] = dataclasses.field(
        default_factory=dict, metadata={"sort": "aliases", "shown": in_lines(alias_lines)}
    )
    fallbacks: dict[str, list[str]] = dataclasses.field(
        default_factory=dict, metadata={"sort": "fallbacks", "shown": in_lines(fallback_lines)}
    )
    shared_resources: bool = dataclasses.field(default=False, metadata={"sort": "flag"})
    tier: str = dataclasses.field(default="", metadata=TIER)
    limits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict, metadata=LIMITS)
    max_concurrent: int | None = dataclasses.field(default=None, metadata=CONCURRENCY)
    sticky: str = dataclasses.field(default="", metadata=STICKY)


GROUP_FIELDS = fields_of(GroupSettings)
