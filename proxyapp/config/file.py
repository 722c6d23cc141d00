"""The config file: groups and their keys in YAML.

Reads and checks it; nothing here touches the database.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxyapp.config import plain_yaml
from proxyapp.config.alert_values import AlertsOfFile
from proxyapp.config.contents import Config, ConfigError, GroupConfig, KeyConfig, ServerConfig
from proxyapp.config.environment_files import keys_of_files_too
from proxyapp.config.environment_keys import EnvironmentKeys
from proxyapp.config.exit_fields import ExitFields
from proxyapp.config.keys_of_groups import MAX_KEYS, KeysOfGroups, doubts_of
from proxyapp.config.model_fields import ModelsOfGroups
from proxyapp.config.price_values import PricesOfFile
from proxyapp.config.project_values import ProjectsOfFile
from proxyapp.config.server_fields import ServerFields
from proxyapp.config.variables import Variables
from proxyapp.vocabulary import certificates
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.setting_field import SettingField
from proxyapp.vocabulary.sizes import too_large

__all__ = [
    "MAX_KEYS",
    "Config",
    "ConfigError",
    "FileReading",
    "GroupConfig",
    "KeyConfig",
    "ServerConfig",
    "keys_beside_no_file",
    "load",
    "parse",
]

# As many keys as are allowed fit with the longest labels: what was exported can be imported.
MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_GROUPS = 10_000

MOSTLY = ("server", "groups")
TOP_NAMES = (*MOSTLY, "projects", "alerts", "prices")
READ_TOGETHER = frozenset({"allow_link_local", "proxy_pool", "models", "aliases", "fallbacks"})


def _group_names() -> tuple[str, ...]:
    """The file may name a file of certificates in place of their text."""
    names = [field.name_in_file for field in GROUP_FIELDS]
    names.insert(names.index("ca_certificates"), "ca_file")
    return (*names, "api_keys", "api_keys_file")


GROUP_NAMES = _group_names()


def load(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Raises ConfigError, also when the file cannot be read. `environment`: None: the process's."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
            # A pipe has no size: of that only what was read is known.
            size = max(os.fstat(file.fileno()).st_size, len(content))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError([f"{path}: " + _("cannot be read: %(why)s") % {"why": reason}]) from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError([f"{path}: {_too_large(size)}"])
    try:
        variables = os.environ if environment is None else environment
        return parse(content.decode("utf-8-sig"), folder=path.parent, environment=variables)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            [
                f"{path}: "
                + _("line %(line)s: is not UTF-8; save the file as UTF-8") % {"line": line}
            ]
        ) from None


def keys_beside_no_file(environment: Mapping[str, str] | None = None) -> EnvironmentKeys | None:
    """What the environment (None: the process's) gives where there is no config file.

    Raises ConfigError.
    """
    return keys_of_files_too(os.environ if environment is None else environment)


def parse(
    text: str, *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """Raises ConfigError with all problems at once.

    `folder`: where files that it names are; None: it may name none. `environment`: what its
    variables hold; None: it may have none.
    """
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError([_("the file %(problem)s") % {"problem": _too_large(len(text))}])
    tree, problems = plain_yaml.read_yaml(text, Variables(environment).expanded)
    if tree is None:
        raise ConfigError(problems or [_("the file is empty; it needs 'groups'")])
    config = FileReading(problems, folder).config(tree)
    if problems:
        raise ConfigError(problems)
    return config


def _too_large(size: int) -> str:
    return _(
        "%(problem)s in a config file; %(count)s keys with labels fit: is it the right file? Else"
        " split it and import the parts"
    ) % {"problem": too_large(size, MAX_FILE_BYTES), "count": f"{MAX_KEYS:,}"}


class FileReading(
    KeysOfGroups,
    ProjectsOfFile,
    AlertsOfFile,
    PricesOfFile,
    ServerFields,
    ModelsOfGroups,
    ExitFields,
):
    """Goes through a file's tree, or a part of one, and notes what is wrong."""

    def config(self, tree: object) -> Config:
        known = TOP_NAMES if isinstance(tree, dict) else MOSTLY
        fields = self.mapping(tree, _("the file"), known)
        if fields is None:
            return Config(ServerConfig(), ())
        if "groups" not in fields:
            self.wrong("groups", _("is required"))
        groups = self.items(fields.get("groups", []), "groups", _("groups"), MAX_GROUPS)
        server, checked = self.server(fields.get("server")), self.groups(groups)
        projects = self.projects(fields.get("projects"))
        alerts, prices = self.alerts(fields.get("alerts")), self.prices(fields.get("prices"))
        accounts, keys = tuple(self.account_files), tuple(self.key_files)
        return Config(server, checked, accounts, projects, alerts, prices, keys)

    def groups(self, values: list[object]) -> tuple[GroupConfig, ...]:
        if self.has_too_many_keys(values):
            return ()
        groups = {
            f"groups[{index}]": self.group(value, f"groups[{index}]")
            for index, value in enumerate(values)
        }
        first: dict[str, str] = {}
        for place, group in groups.items():
            earlier = first.setdefault(group.name.lower(), place)
            if earlier != place and group.name:
                self.wrong(
                    f"{place}.name",
                    _("is the name of %(place)s again (case does not count)") % {"place": earlier},
                )
        return tuple(groups.values())

    def has_too_many_keys(self, values: list[object]) -> bool:
        """Counted first: aliases can repeat one long list in many groups."""
        lists = [value.get("api_keys") for value in values if isinstance(value, dict)]
        count = sum(len(keys) for keys in lists if isinstance(keys, list))
        if count > MAX_KEYS:
            self.wrong(
                "groups",
                _("%(count)s keys; %(most)s are allowed") % {"count": count, "most": MAX_KEYS},
            )
        return count > MAX_KEYS

    def group(self, value: object, place: str) -> GroupConfig:
        fields = self.mapping(value, place, GROUP_NAMES)
        if fields is None:
            return GroupConfig(name="")
        keys, placeholders = self.keys(fields, place)
        is_link_local_allowed = self.flag(fields, "allow_link_local", place)
        settings: dict[str, Any] = {
            field.name: self.setting(
                fields, field, place, is_link_local_allowed=is_link_local_allowed
            )
            for field in GROUP_FIELDS
            if field.name not in READ_TOGETHER
        }
        pool = self.proxy_pool(fields, place, is_link_local_allowed=is_link_local_allowed)
        self.check_exits(keys, is_link_local_allowed=is_link_local_allowed)
        models, aliases, fallbacks = self.model_fields(fields, place)
        self.check_projects(settings["target_url"], keys)
        return GroupConfig(
            **settings,
            allow_link_local=is_link_local_allowed,
            proxy_pool=pool,
            models=models,
            aliases=aliases,
            fallbacks=fallbacks,
            api_keys=tuple(keys.values()),
            placeholders=placeholders,
            doubts=tuple(doubts_of(keys, settings["target_url"])),
        )

    def setting(
        self,
        fields: dict[str, object],
        field: SettingField,
        place: str,
        *,
        is_link_local_allowed: bool = False,
    ) -> object:
        if field.sort == "certificates":
            return self.ca_certificates(fields, place)
        return super().setting(fields, field, place, is_link_local_allowed=is_link_local_allowed)

    def ca_certificates(self, fields: dict[str, object], place: str) -> str:
        """Written out, or in a file whose path is relative to that of the config."""
        given = [
            field for field in ("ca_file", "ca_certificates") if fields.get(field) not in (None, "")
        ]
        if len(given) == 2:
            self.wrong(f"{place}.ca_file", _("stands beside ca_certificates; give one of the two"))
            return ""
        if not given:
            return ""
        text = self.text(fields, given[0], place, lambda value: None)
        try:
            pem = (
                certificates.read_certificates(text, self.folder) if given[0] == "ca_file" else text
            )
            return certificates.in_one_form(pem) if text else ""
        except certificates.BadCertificates as problem:
            self.wrong(f"{place}.{given[0]}", str(problem))
            return ""
