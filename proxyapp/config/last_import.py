"""What a config file said of its groups when it was last imported.

A start compares the file with this, and not with the database: a group that the file still
describes in the same words is left as operators have made it since.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from proxyapp.config.contents import Config, GroupConfig, KeyConfig
from proxyapp.models import ImportedGroup
from proxyapp.models.sealed import keyed_hash, keyed_hashes
from proxyapp.vocabulary.alert_fields import ALERT_FIELDS, AlertSettings
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.price_fields import PRICE_FIELDS, PriceSettings
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS, ProjectSettings
from proxyapp.vocabulary.setting_field import SettingField

MAX_SOURCE_LENGTH = 500
# These have places of their own; what came later stands behind them, by name.
FIRST_FIELDS = frozenset(
    [
        "name",
        "target_url",
        "proxy_url",
        "rate_limit_policy",
        "auth",
        "priority",
        "weight",
        "ca_certificates",
        "allow_link_local",
    ]
)
# No group has such names: in their rows stands what the file says beside its groups.
PROJECTS, ALERTS, PRICES = "\tprojects", "\talerts", "\tprices"
PARTS = (PROJECTS, ALERTS, PRICES)
FIRST_OF_KEY = frozenset(["name", "project"])
_Settings = GroupConfig | KeyConfig | ProjectSettings | AlertSettings | PriceSettings


def source_name(path: Path) -> str:
    """The absolute path, links not followed (a mounted secret is a link to another folder at each
    change).
    """
    name = os.fsencode(os.path.abspath(path)).decode(errors="backslashreplace")
    return name[-MAX_SOURCE_LENGTH:]


def canonical_text(group: GroupConfig) -> str:
    """What is not the default of a later version stands at the end, so that older fingerprints
    still hold.
    """
    keys = [_canonical(key) for key in group.api_keys]
    later: list[object] = (
        [] if (group.priority, group.weight) == (0, 1) else [group.priority, group.weight]
    )
    if group.ca_certificates or group.allow_link_local:
        later.append(
            {"ca_certificates": group.ca_certificates, "allow_link_local": group.allow_link_local}
        )
    later += _later(group, GROUP_FIELDS, FIRST_FIELDS)
    return json.dumps(
        [
            group.name,
            group.target_url,
            group.proxy_url,
            group.rate_limit_policy,
            group.auth,
            keys,
            *later,
        ]
    )


def _text_of(part: str, config: Config) -> str:
    """Empty: the file says nothing of it."""
    said: dict[str, tuple[Sequence[_Settings] | None, Iterable[SettingField]]] = {
        PROJECTS: (config.projects, PROJECT_FIELDS),
        ALERTS: (config.alerts, ALERT_FIELDS),
        PRICES: (config.prices, PRICE_FIELDS),
    }
    rows, declared = said[part]
    return json.dumps([_later(row, declared, ()) for row in rows]) if rows else ""


def _canonical(key: KeyConfig) -> list[object]:
    return [key.secret, key.name, key.project, *_later(key, KEY_FIELDS, FIRST_OF_KEY)]


def _later(
    settings: _Settings,
    declared: Iterable[SettingField],
    first: Collection[str],
) -> list[dict[str, object]]:
    return [
        {field.name: value}
        for field in declared
        if field.name not in first and (value := getattr(settings, field.name)) != field.default
    ]


class LastImport:
    """`rows`: by name in lower case, in the order that the groups had in the file."""

    def __init__(self, path: Path) -> None:
        self.source = source_name(path)
        self.rows = {
            row.name.lower(): row
            for row in ImportedGroup.objects.filter(source=self.source).order_by("id")
        }
        self.parts = {part: self.rows.pop(part, None) for part in PARTS}

    def has_same(self, group: GroupConfig) -> bool:
        row = self.rows.get(group.name.lower())
        return row is not None and row.fingerprint in keyed_hashes(canonical_text(group))

    def has_same_part(self, part: str, config: Config) -> bool:
        """`part`: one of PARTS."""
        row, text = self.parts[part], _text_of(part, config)
        return not text if row is None else row.fingerprint in keyed_hashes(text)

    def has_same_order(self, groups: Sequence[GroupConfig]) -> bool:
        """Of the groups that are both here and in the file."""
        names = dict.fromkeys(group.name.lower() for group in groups)
        return [name for name in names if name in self.rows] == [
            name for name in self.rows if name in names
        ]

    def left_names(self, groups: Sequence[GroupConfig]) -> list[str]:
        """The groups that were in the file and no longer are."""
        names = {group.name.lower() for group in groups}
        return [name for name in self.rows if name not in names]

    def key_hashes(self) -> set[str]:
        return {key_hash for row in self.rows.values() for key_hash in row.key_hashes}

    def remember(self, groups: Sequence[GroupConfig], key_hashes: Mapping[str, list[str]]) -> None:
        """`key_hashes`: of the groups that were applied, as the database has them.

        The others keep what they had.
        """
        rows = [self._row(group, key_hashes) for group in groups]
        if [_content(row) for row in rows] == [_content(row) for row in self.rows.values()]:
            return
        ImportedGroup.objects.filter(source=self.source).exclude(name__in=PARTS).delete()
        ImportedGroup.objects.bulk_create(rows, batch_size=500)

    def remember_parts(self, config: Config) -> None:
        for part in PARTS:
            if not self.has_same_part(part, config):
                self._remember_part(part, _text_of(part, config))

    def _remember_part(self, name: str, text: str) -> None:
        ImportedGroup.objects.filter(source=self.source, name=name).delete()
        if text:
            ImportedGroup.objects.create(
                source=self.source, name=name, fingerprint=keyed_hash(text), key_hashes=[]
            )

    def renew(self, groups: Sequence[GroupConfig], config: Config) -> None:
        """Puts the fingerprints under the current secret, as far as the file proves them. `groups`:
        those of `config`, each key once.
        """
        for part, row in self.parts.items():
            if row is not None and self.has_same_part(part, config):
                row.fingerprint = keyed_hash(_text_of(part, config))
                row.save(update_fields=["fingerprint"])
        for group in groups:
            if self.has_same(group):
                row = self.rows[group.name.lower()]
                row.fingerprint = keyed_hash(canonical_text(group))
                row.save(update_fields=["fingerprint"])

    def _row(self, group: GroupConfig, key_hashes: Mapping[str, list[str]]) -> ImportedGroup:
        name = group.name.lower()
        hashes = key_hashes[name] if name in key_hashes else self.rows[name].key_hashes
        fingerprint = keyed_hash(canonical_text(group))
        return ImportedGroup(
            source=self.source, name=group.name, fingerprint=fingerprint, key_hashes=hashes
        )


def claims_of_others(last: LastImport) -> tuple[set[str], set[str]]:
    """The groups (in lower case) and the key hashes that came from other files too."""
    rows = list(ImportedGroup.objects.exclude(source=last.source))
    return {row.name.lower() for row in rows}, {
        key_hash for row in rows for key_hash in row.key_hashes
    }


def _content(row: ImportedGroup) -> tuple[str, str, list[str]]:
    return row.name, row.fingerprint, row.key_hashes
