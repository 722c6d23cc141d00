"""What a config file sets, read by the table in which it is declared."""

from collections.abc import Iterable
from typing import Any

from proxyapp.config.limit_values import LimitValues
from proxyapp.config.spill_values import SpillValues
from proxyapp.vocabulary.setting_field import SettingField


class SettingValues(LimitValues, SpillValues):
    def settings(
        self, fields: dict[str, object], declared: Iterable[SettingField], place: str
    ) -> dict[str, Any]:
        """Null is what is not given."""
        names = {field.name for field in declared}
        given = {
            name: value for name, value in fields.items() if name not in names or value is not None
        }
        return {field.name: self.setting(given, field, place) for field in declared}

    def setting(
        self,
        fields: dict[str, object],
        field: SettingField,
        place: str,
        *,
        is_link_local_allowed: bool = False,
    ) -> object:
        match field.sort:
            case "number":
                return self.number(fields, field.name, place, field.allowed, default=field.default)
            case "flag":
                return self.flag(fields, field.name, place, default=field.default)
            case "limits":
                return self.limits(fields.get(field.name), f"{place}.{field.name}")
            case "spill":
                return self.spill(fields.get(field.name_in_file), f"{place}.{field.name_in_file}")
        given = fields.get(field.name)
        if field.default is None and given in (None, ""):
            return None
        if field.default == "" and (given is None or given is False or given == ""):
            return ""  # `off` is a word for false
        check = field.check(is_link_local_allowed)
        default = None if field.is_required else field.default
        return self.text(fields, field.name, place, check, default=default).strip()
