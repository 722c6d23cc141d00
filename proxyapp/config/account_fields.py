"""A service account in the place of a key: a file beside the config file, or its text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxyapp.config.contents import KeyConfig
from proxyapp.config.named_files import NamedFileError, beginning
from proxyapp.config.setting_values import SettingValues
from proxyapp.vocabulary.file_errors import NOT_FROM_AFAR
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.service_account import (
    MAX_ACCOUNT_LENGTH,
    BadAccount,
    account_of,
    check_location,
    default_name,
    is_account,
    stored_account,
)
from proxyapp.vocabulary.target_places import PROJECT, lacks_project

ACCOUNT_NAMES = ("service_account", "location")


class AccountFields(SettingValues):
    """`folder`: where files that the config file names are; None: it may name none.
    `account_files`, `key_files`: those that it has named.
    """

    def __init__(self, problems: list[str], folder: Path | None) -> None:
        super().__init__(problems)
        self.folder = folder
        self.account_files: list[Path] = []
        self.key_files: list[Path] = []
        self.keys_of_files = 0

    def account_key(
        self, fields: dict[str, object], place: str, settings: dict[str, Any]
    ) -> KeyConfig:
        """Its name and project are the account's own where none are given."""
        if "key" in fields:
            self.wrong(f"{place}.key", _("stands beside service_account; give one of the two"))
            return KeyConfig("")
        location = self.text(fields, "location", place, check_location, default="")
        try:
            stored = stored_account(self._given(fields["service_account"]), location)
        except BadAccount as problem:
            self.wrong(f"{place}.service_account", str(problem))
            return KeyConfig("")
        own = {"name": default_name(stored), "project": account_of(stored)["project_id"]}
        given = {name: value or own.get(name, value) for name, value in settings.items()}
        return KeyConfig(stored, **given)

    def check_projects(self, target: str, keys: Mapping[str, KeyConfig]) -> None:
        """Whether each key has what the group's target names."""
        for place, key in keys.items():
            if key.secret and lacks_project(target, key.project):
                self.wrong(
                    place,
                    _("has no project, which the target's %(place)s stands for")
                    % {"place": PROJECT},
                )

    def _given(self, value: object) -> object:
        """Raises BadAccount."""
        if not isinstance(value, str) or is_account(value.lstrip()):
            return value
        if self.folder is None:
            raise BadAccount(_("%(problem)s; give its text") % {"problem": _(NOT_FROM_AFAR)})
        path = self.folder / value
        self.account_files.append(path)
        try:
            content = beginning(path, MAX_ACCOUNT_LENGTH + 1)
        except NamedFileError as problem:
            raise BadAccount(str(problem)) from None
        return content.decode("utf-8-sig", "replace")
