"""What is wrong with a value, in the language of the page that asks, else in English.

While settings are read there is no language yet.
"""

from django.apps import apps
from django.utils import translation


def gettext(text: str) -> str:
    return translation.gettext(text) if apps.ready else text


def ngettext(one: str, many: str, count: int) -> str:
    if apps.ready:
        return translation.ngettext(one, many, count)
    return one if count == 1 else many
