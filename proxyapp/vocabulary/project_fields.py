"""What an operator sets of a project: each field is declared here, once."""

import dataclasses
from dataclasses import dataclass

from proxyapp.vocabulary.checks import check_group_name
from proxyapp.vocabulary.quota_fields import CONCURRENCY, LIMITS, TIER
from proxyapp.vocabulary.setting_field import fields_of


@dataclass(frozen=True)
class ProjectSettings:
    """What stands beside a field is a SettingField's, under the same names."""

    name: str = dataclasses.field(metadata={"check": lambda _: check_group_name})
    tier: str = dataclasses.field(default="", metadata=TIER)
    limits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict, metadata=LIMITS)
    max_concurrent: int | None = dataclasses.field(default=None, metadata=CONCURRENCY)


PROJECT_FIELDS = fields_of(ProjectSettings)
