"""The words of the scripts that every page loads, in the page's language."""

from typing import Any

from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from proxyapp.admin.parts.cells import sizes
from proxyapp.vocabulary.shown_times import unit_names

ELEMENT = "script-words"


def script_words() -> SafeString:
    return json_script(words(), ELEMENT)


def words() -> dict[str, Any]:
    return {
        "units": unit_names(),
        "sizes": sizes(),
        "day": pgettext("date of a script", "YYYY-MM-DD"),
        "day_and_clock": _("%(day)s, %(clock)s"),
        "until": _("until %(time)s"),
        "live": {
            "connecting": _("Connecting…"),
            "live": _("Live"),
            "reconnecting": _("Reconnecting…"),
            "off": _("Not live"),
        },
    }
