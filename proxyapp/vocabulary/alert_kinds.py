"""What an alert may tell of: the word that channels choose it by, and what it means."""

from proxyapp.vocabulary.marks import gettext_noop as _

KINDS = {
    "database_away": _("The database is away, and requests are served from memory."),
    "spool": _("What happens cannot be written, or waits in the spool."),
    "unreadable": _("SECRET_KEY does not open keys or a group's proxy."),
    "group_without_key": _("A group has no available key."),
    "no_key": _("Requests of the last hour found no available key."),
    "exit": _("An exit or a proxy fails."),
    "key_died": _("The provider refused keys for good; once more when others follow."),
    "running_dry": _("A group will have no key left today, or has none left."),
    "project_dry": _("A project will have used up a day's limit before its reset, or has."),
    "error_rate": _("Many of the last ten minutes' requests were not answered well."),
    "slow": _("Answers of the last ten minutes began late (p95)."),
    "token": _("A client token in use expires, keeps reaching its limits, or is not asked for."),
    # No place: xgettext:no-python-format
    "budget": _("A client token has spent 80 % of its budget of a day or a month."),
}
WARNING, DANGER = "warning", "danger"
LEVELS = (WARNING, DANGER)
