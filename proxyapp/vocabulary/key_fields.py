"""What an operator sets of a key beside the secret: each field is declared here, once.

The config file is read and checked by it, compared with the database, reported and exported by it,
and the admin's form offers what stands here. The model has a column of the same name.
"""

import dataclasses
from dataclasses import dataclass

from proxyapp.vocabulary.checks import check_label
from proxyapp.vocabulary.exits import exit_check, shown_exit
from proxyapp.vocabulary.quota_fields import CONCURRENCY, LIMITS
from proxyapp.vocabulary.setting_field import fields_of
from proxyapp.vocabulary.turn_fields import PRIORITY, WEIGHT


def shown_own_exit(url: str | None) -> str:
    return shown_exit(url) if url else "none"


@dataclass(frozen=True)
class KeySettings:
    """What stands beside a field is a SettingField's, under the same names."""

    name: str = dataclasses.field(default="", metadata={"check": lambda _: check_label})
    project: str = dataclasses.field(default="", metadata={"check": lambda _: check_label})
    priority: int | None = dataclasses.field(default=None, metadata=PRIORITY)
    weight: int = dataclasses.field(default=1, metadata=WEIGHT)
    limits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict, metadata=LIMITS)
    max_concurrent: int | None = dataclasses.field(default=None, metadata=CONCURRENCY)
    proxy_url: str | None = dataclasses.field(
        default=None,
        repr=False,
        metadata={"check": lambda _: exit_check(True), "shown": shown_own_exit},
    )


KEY_FIELDS = fields_of(KeySettings)
