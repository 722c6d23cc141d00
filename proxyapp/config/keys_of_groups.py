"""The `api_keys` of a group of a config file."""

from collections.abc import Iterator, Mapping

from proxyapp.config.account_fields import ACCOUNT_NAMES, AccountFields
from proxyapp.config.contents import KeyConfig
from proxyapp.config.key_shape import doubt
from proxyapp.vocabulary.checks import check_key_or_placeholder
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.no_keys import is_placeholder

MAX_KEYS = 100_000
KEY_NAMES = ("key", *(field.name for field in KEY_FIELDS), *ACCOUNT_NAMES)


class KeysOfGroups(AccountFields):
    def keys(
        self, fields: dict[str, object], place: str
    ) -> tuple[dict[str, KeyConfig], tuple[str, ...]]:
        """The keys by their places, and the places of placeholders."""
        if "api_keys" not in fields:
            self.wrong(place, _("is required"))
            return {}, ()
        values = self.keys_in_places(fields["api_keys"], place, MAX_KEYS)
        if fields["api_keys"] == []:
            self.wrong(place, _("must not be empty; give at least one key"))
        keys = {at: self.key(value, at) for at, value in values.items()}
        placeholders = [place for place, key in keys.items() if is_placeholder(key.secret)]
        for placeholder in placeholders:
            del keys[placeholder]
        return keys, tuple(placeholders)

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


def doubts_of(keys: Mapping[str, KeyConfig], target_url: str) -> Iterator[str]:
    for place, key in keys.items():
        if why := doubt(key.secret, target_url):
            yield f"{place} {why}"
