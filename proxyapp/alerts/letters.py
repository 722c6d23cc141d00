"""The words of messages."""

import platform
from datetime import datetime, tzinfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from proxyapp.alerts.sending import TEST, Letter
from proxyapp.alerts.spoken import spoken
from proxyapp.alerts.story import Happened, Message, lines_of
from proxyapp.vocabulary.told import shown


def letter_of(message: Message, zone: tzinfo) -> Letter:
    with spoken():
        return _letter(message, zone)


def outage_letter(reason: str, since: datetime, until: datetime | None, zone: tzinfo) -> Letter:
    with spoken():
        return _of_outage(reason, since, until, _clock(since.timestamp(), zone))


def letter_of_test() -> Letter:
    with spoken():
        return Letter(_(TEST.title), _(TEST.body))


def _letter(message: Message, zone: tzinfo) -> Letter:
    lines = [_line(word, happened, zone) for word, happened in lines_of(message)]
    if message.more:
        lines.append(_("And %(count)d more: see the dashboard.") % {"count": message.more})
    return Letter(_title(message), "\n".join(lines), message.kind)


def _of_outage(reason: str, since: datetime, until: datetime | None, began: str) -> Letter:
    if until is None:
        text = _(
            "The database has been away since %(began)s (%(reason)s). Requests are served from"
            " memory, and what happens is written when it is back."
        ) % {"began": began, "reason": shown(reason)}
        title = _("%(gateway)s: the database is away") % {"gateway": _name()}
        return Letter(title, text, "failure")
    seconds = f"{(until - since).total_seconds():.0f}"
    text = _("The database is back: it was away for %(seconds)s s, since %(began)s.") % {
        "seconds": seconds,
        "began": began,
    }
    title = _("%(gateway)s: the database is back") % {"gateway": _name()}
    return Letter(title, text, "success")


def _title(message: Message) -> str:
    started, ended, passed = len(message.started), len(message.ended), len(message.passed)
    counts = (
        (started, ngettext("%(count)d needs attention", "%(count)d need attention", started)),
        (ended, ngettext("%(count)d is over", "%(count)d are over", ended)),
        (passed, ngettext("%(count)d came and went", "%(count)d came and went", passed)),
    )
    said = [text % {"count": count} for count, text in counts if count]
    return f"{_name()}: {', '.join(said)}"


def _line(word: str, happened: Happened, zone: tzinfo) -> str:
    began = _clock(happened.since, zone)
    named = {"began": began, "text": happened.text}
    if word == "since":
        return _("Since %(began)s: %(text)s") % named
    named["ended"] = _clock(happened.until, zone)
    if word == "over":
        return _("Over, from %(began)s to %(ended)s: %(text)s") % named
    return _("Meanwhile, from %(began)s to %(ended)s: %(text)s") % named


def _clock(moment: float, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(moment, zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def _name() -> str:
    """Which of several gateways it is."""
    if host := platform.node()[:60]:
        return _("Gateway %(host)s") % {"host": host}
    return _("Gateway without a name")
