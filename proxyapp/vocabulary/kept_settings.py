"""Settings that each request asks for: Django's own object takes microseconds to answer."""

from typing import Any

from django.conf import settings
from django.core.signals import setting_changed


class KeptSettings:
    """Reads a setting when it is first asked for, and once more after a test has changed it."""

    def __init__(self) -> None:
        setting_changed.connect(self._forget, weak=False)

    def __getattr__(self, name: str) -> Any:
        value = getattr(settings, name)
        self.__dict__[name] = value
        return value

    def _forget(self, *, setting: str, **_: object) -> None:
        self.__dict__.pop(setting, None)


kept = KeptSettings()
