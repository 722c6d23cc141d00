"""The keys of a group of a config file: `api_keys`, and those of `api_keys_file` behind them."""

from collections.abc import Iterator, Mapping

from proxyapp.config.account_fields import ACCOUNT_NAMES, AccountFields
from proxyapp.config.contents import KeyConfig
from proxyapp.config.key_lines import keys_by_line
from proxyapp.config.key_shape import doubt
from proxyapp.config.named_files import NamedFileError
from proxyapp.vocabulary.checks import check_key_or_placeholder
from proxyapp.vocabulary.file_errors import NOT_FROM_AFAR
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.no_keys import is_placeholder

MAX_KEYS = 100_000
LINES_SHOWN = 5  # of those that are no keys
KEY_NAMES = ("key", *(field.name for field in KEY_FIELDS), *ACCOUNT_NAMES)


class KeysOfGroups(AccountFields):
    def keys(
        self, fields: dict[str, object], place: str
    ) -> tuple[dict[str, KeyConfig], tuple[str, ...]]:
        """The keys of the group at `place` by their places, and the places of placeholders."""
        if "api_keys" not in fields and "api_keys_file" not in fields:
            self.wrong(f"{place}.api_keys", _("is required"))
            return {}, ()
        keys: dict[str, KeyConfig] = {}
        if "api_keys" in fields:
            keys = self.listed_keys(fields["api_keys"], f"{place}.api_keys")
        keys |= self._keys_of_file(fields, f"{place}.api_keys_file")
        placeholders = [place for place, key in keys.items() if is_placeholder(key.secret)]
        for placeholder in placeholders:
            del keys[placeholder]
        return keys, tuple(placeholders)

    def listed_keys(self, given: object, place: str) -> dict[str, KeyConfig]:
        """By their places, placeholders too."""
        values = self.keys_in_places(given, place, MAX_KEYS)
        if given == []:
            self.wrong(place, _("must not be empty; give at least one key"))
        return {at: self.key(value, at) for at, value in values.items()}

    def _keys_of_file(self, fields: dict[str, object], place: str) -> dict[str, KeyConfig]:
        """As with an empty list: a file without a key is a mistake."""
        if fields.get("api_keys_file") is None:
            return {}
        name = self.checked(fields["api_keys_file"], place, _check_file_name)
        lines = self._lines(name, place) if name else {}
        wrong = [
            f"{place} (line {number}): {problem}"
            for number, key in lines.items()
            if (problem := check_key_or_placeholder(key))
        ]
        self.problems += wrong[:LINES_SHOWN]
        if more := len(wrong[LINES_SHOWN:]):
            self.wrong(place, _("%(count)s more lines are no keys") % {"count": more})
        return {f"{place} (line {number})": KeyConfig(key) for number, key in lines.items()}

    def _lines(self, name: str, place: str) -> dict[int, str]:
        """By their numbers; none where something is wrong with all of them."""
        if self.folder is None:
            self.wrong(place, _("%(problem)s; give its text") % {"problem": _(NOT_FROM_AFAR)})
            return {}
        path = self.folder / name
        self.key_files.append(path)
        try:
            lines = keys_by_line(path)
        except NamedFileError as problem:
            self.wrong(place, str(problem))
            return {}
        self.keys_of_files += len(lines)
        if self.keys_of_files > MAX_KEYS:
            self.wrong(
                place,
                _("has %(count)s keys; %(most)s are allowed")
                % {"count": self.keys_of_files, "most": MAX_KEYS},
            )
            return {}
        if not lines:
            self.wrong(place, _("%(path)s has no key in it") % {"path": path})
        return lines

    def key(self, value: object, place: str) -> KeyConfig:
        if not isinstance(value, dict):
            return KeyConfig(self.checked(value, place, check_key_or_placeholder).strip())
        self.mapping(value, place, KEY_NAMES)
        settings = self.settings(value, KEY_FIELDS, place)
        if "service_account" in value:
            return self.account_key(value, place, settings)
        if "location" in value:
            self.wrong(f"{place}.location", _("is that of a service_account, and there is none"))
        secret = self.text(value, "key", place, check_key_or_placeholder).strip()
        return KeyConfig(secret, **settings)


def _check_file_name(value: str) -> str | None:
    return None if value.strip() else _("must not be empty; name a file")


def doubts_of(keys: Mapping[str, KeyConfig], target_url: str) -> Iterator[str]:
    for place, key in keys.items():
        if why := doubt(key.secret, target_url):
            yield f"{place} {why}"
