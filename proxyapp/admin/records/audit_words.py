"""What a page calls the actions and the objects of the audit log, whose rows stay in English."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from proxyapp.models import audit

Words = Mapping[str, str | Promise]
ACTIONS: Words = {
    "add": pgettext_lazy("done", "add"),
    "change": pgettext_lazy("done", "change"),
    "delete": pgettext_lazy("done", "delete"),
    "release": pgettext_lazy("done", "release"),
    "disable": pgettext_lazy("done", "disable"),
    "enable": pgettext_lazy("done", "enable"),
    "revoke": pgettext_lazy("done", "revoke"),
    "show": pgettext_lazy("done", "show"),
    "import": pgettext_lazy("done", "import"),
    "export": pgettext_lazy("done", "export"),
    "reencrypt": pgettext_lazy("done", "reencrypt"),
    "prune": pgettext_lazy("done", "prune"),
    "lock": pgettext_lazy("done", "lock"),
    "unlock": pgettext_lazy("done", "unlock"),
    "forget": pgettext_lazy("done", "forget"),
}
OBJECTS: Words = {
    "key": _("key"),
    "group": _("group"),
    "project": _("project"),
    "alert channel": _("alert channel"),
    "token": _("token"),
    "operator token": _("operator token"),
    "resource": _("resource"),
    "price": _("price"),
    "user": _("user"),
    "role": _("role"),
    audit.CONFIG_FILE: _("config file"),
    audit.DATABASE: _("database"),
    audit.SIGN_IN: _("sign-in"),
}


def word(words: Words, name: str) -> str:
    """Another version may have written what this one has no word for."""
    return str(words.get(name, name))
