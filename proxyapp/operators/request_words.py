"""What an operator writes to choose requests, on the page as at a shell."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext as _

from proxyapp.operators.key_choice import UnclearChoice, choose
from proxyapp.operators.request_filters import FAILED, RequestChoice
from proxyapp.operators.token_report import UnclearToken, choose_tokens
from proxyapp.requests.record import ClientOutcome

AGO = re.compile(r"(\d{1,5})\s*(s|min|m|h|d)", re.ASCII)
UNITS = {"s": "seconds", "min": "minutes", "m": "minutes", "h": "hours", "d": "days"}
STATUS = re.compile(r"[1-5](\d\d|xx)", re.ASCII)
OUTCOMES = (*(outcome.value for outcome in ClientOutcome), FAILED)
MOST_DIGITS = 18
NO_TOKEN = "-"  # noqa: S105


class UnclearRequests(Exception):
    """By field, what is wrong with a word and what to write instead. It repeats no secret."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def read_choice(words: Mapping[str, str], now: datetime, zone: tzinfo = UTC) -> RequestChoice:
    """`zone`: of moments without one. Raises UnclearRequests, with all that is wrong."""
    read: dict[str, Callable[[str], Any]] = {
        "since": lambda text: moment(text, now, zone),
        "until": lambda text: moment(text, now, zone),
        "id": str,
        "client": _client,
        "key": _key,
        "status": _status,
        "outcome": _outcome,
        "model": str,
        "group": str,
    }
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, reader in read.items():
        text = words.get(name, "").strip().replace("\0", "")
        try:
            if text:
                found[NAMES.get(name, name)] = reader(text)
        except (ValueError, OverflowError, UnclearToken, UnclearChoice) as error:
            problems[name] = str(error).removesuffix(" Nothing was changed.")
    if problems:
        raise UnclearRequests(problems)
    return RequestChoice(**found)


NAMES = {"id": "request_id", "client": "client_id", "key": "key_id"}


def moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    """A time ago, a moment, a day as it begins, or a time of today."""
    if found := AGO.fullmatch(text):
        return now - timedelta(**{UNITS[found[2]]: int(found[1])})
    try:
        if re.fullmatch(r"\d\d:\d\d(:\d\d)?", text, re.ASCII):
            today = now.astimezone(zone).date()
            return datetime.combine(today, time.fromisoformat(text), zone)
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            _("'%(text)s' is no time such as 2h, 30m, 14:03 or 2026-11-29T14:03.")
            % {"text": text[:40]}
        ) from None
    given = given if given.tzinfo else given.replace(tzinfo=zone)
    return given.astimezone(UTC)


def _client(text: str) -> int:
    """Also the id of a token that is gone; `-`: requests without one."""
    if text == NO_TOKEN:
        return 0
    return int(text) if _is_id(text) else choose_tokens([text])[0]


def _key(text: str) -> int:
    if _is_id(text):
        return int(text)
    ids = list(choose([text], is_exact=True).values_list("pk", flat=True)[:2])
    if len(ids) != 1:
        raise ValueError(_("That is a group, not one key: choose it as the group."))
    return ids[0]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def _status(text: str) -> str:
    if not STATUS.fullmatch(text.lower()):
        raise ValueError(_("'%(text)s' is no status such as 503 or 5xx.") % {"text": text[:40]})
    return text.lower()


def _outcome(text: str) -> str:
    if text not in OUTCOMES:
        given = {"text": text[:40], "known": ", ".join(OUTCOMES)}
        raise ValueError(_("'%(text)s' is not one of %(known)s.") % given)
    return text
