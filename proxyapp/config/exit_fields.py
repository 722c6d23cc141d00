"""The exits of a group's keys, as a config file names them."""

from collections.abc import Mapping

from proxyapp.config.checked_tree import CheckedTree
from proxyapp.config.contents import KeyConfig
from proxyapp.vocabulary.exits import BOTH, EXAMPLE, MOST_EXITS, exit_check, pool_of, repeated
from proxyapp.vocabulary.in_words import gettext as _


class ExitFields(CheckedTree):
    def check_exits(self, keys: Mapping[str, KeyConfig], *, is_link_local_allowed: bool) -> None:
        """Whether the group lets its keys' own ones be where they are."""
        check = exit_check(is_link_local_allowed)
        for place, key in keys.items():
            if key.proxy_url and (problem := check(key.proxy_url)):
                self.wrong(f"{place}.proxy_url", problem)

    def proxy_pool(
        self, fields: dict[str, object], place: str, *, is_link_local_allowed: bool
    ) -> str | None:
        """As it is kept."""
        value = fields.get("proxy_pool")
        if value is None:
            return None
        place = f"{place}.proxy_pool"
        if fields.get("proxy_url") not in (None, ""):
            self.wrong(place, _(BOTH))
        if value == []:
            self.wrong(
                place,
                _("must not be empty; name exits such as %(example)s, or leave it out")
                % {"example": EXAMPLE},
            )
        check = exit_check(is_link_local_allowed)
        given = self.items(value, place, _("exits"), MOST_EXITS)
        exits = [
            self.checked(each, f"{place}[{index}]", check).strip()
            for index, each in enumerate(given)
        ]
        for index, earlier in repeated(exits if all(exits) else []):
            self.wrong(
                f"{place}[{index}]",
                _("is the exit of proxy_pool[%(place)s] again") % {"place": earlier},
            )
        return pool_of(exits)
