"""The `alerts` of a config file: the channels, and what each is told of."""

from proxyapp.config.setting_values import SettingValues
from proxyapp.vocabulary.alert_fields import ALERT_FIELDS, AlertSettings
from proxyapp.vocabulary.in_words import gettext as _

ENABLED = "enabled"
NAMES = tuple(field.name_in_file for field in ALERT_FIELDS)
PLAIN_FIELDS = tuple(field for field in ALERT_FIELDS if field.name_in_file != ENABLED)
MOST_CHANNELS = 100


class AlertsOfFile(SettingValues):
    def alerts(self, value: object) -> tuple[AlertSettings, ...] | None:
        """None: the file says nothing of them."""
        if value is None:
            return None
        channels: dict[str, AlertSettings] = {}
        for index, given in enumerate(self.items(value, "alerts", _("channels"), MOST_CHANNELS)):
            place = f"alerts[{index}]"
            fields = self.mapping(given, place, NAMES)
            if fields is None:
                continue
            channel = self._channel(fields, place)
            if channels.setdefault(channel.name.lower(), channel) is not channel:
                self.wrong(f"{place}.name", _("stands here again (case does not count)"))
        return tuple(channels.values())

    def _channel(self, fields: dict[str, object], place: str) -> AlertSettings:
        kinds = fields.get("kinds")
        if isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds):
            fields = {**fields, "kinds": ",".join(kinds)}
        is_on = self.flag(fields, ENABLED, place, default=True)
        plain = {name: given for name, given in fields.items() if name != ENABLED}
        return AlertSettings(**self.settings(plain, PLAIN_FIELDS, place), is_on=is_on)
