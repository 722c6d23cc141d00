"""Rows of the request log in words, and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from proxyapp.costs.currencies import Currencies, currencies_of
from proxyapp.models import ApiKey, ClientToken, RemovedKey, RequestLogEntry
from proxyapp.models.request_log import LoggedAttempt
from proxyapp.operators.shown_words import kind_word
from proxyapp.provider.kinds import SPECS
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.times import iso_utc

AnyTone = Literal["default", "info", "primary", "success", "warning", "danger"]
# What the client saw: in short, and at length.
OUTCOMES: dict[str, tuple[str, AnyTone, str]] = {
    ClientOutcome.OK: (gettext_noop("ok"), "success", gettext_noop("The client got its answer.")),
    ClientOutcome.CLIENT_ERROR: (
        gettext_noop("client's mistake"),
        "warning",
        gettext_noop("The request was refused for what it asked, by the gateway or the provider."),
    ),
    ClientOutcome.CLIENT_LIMIT: (
        gettext_noop("client's limit"),
        "warning",
        gettext_noop("A limit of the client's token was reached."),
    ),
    ClientOutcome.NO_KEY: (
        gettext_noop("no key"),
        "danger",
        gettext_noop(
            "No key was left that could answer: each was refused, cooling, disabled or invalid."
        ),
    ),
    ClientOutcome.UPSTREAM: (
        gettext_noop("upstream"),
        "danger",
        gettext_noop(
            "The provider, or the way to it, failed: an error of its own, no connection, or a"
            " broken answer."
        ),
    ),
    ClientOutcome.LEFT: (
        gettext_noop("left"),
        "info",
        gettext_noop("The client went before the answer's end."),
    ),
}
# Verdicts that are no refusal.
ENDS: dict[str, tuple[str, AnyTone, str]] = {
    "succeeded": (gettext_noop("answered"), "success", gettext_noop("It answered.")),
    "rate_limited": (
        gettext_noop("rate limited"),
        "warning",
        gettext_noop("It refused for a limit."),
    ),
    "client_errors": (
        gettext_noop("client's mistake"),
        "warning",
        gettext_noop("It refused the request itself."),
    ),
    "upstream_errors": (
        gettext_noop("failed"),
        "danger",
        gettext_noop("It failed, or could not be reached."),
    ),
    "cancelled": (
        gettext_noop("given up"),
        "info",
        gettext_noop("It was given up before its end."),
    ),
}


class RequestNames:
    """What clients and keys of rows are called now; two queries a page."""

    def __init__(self, rows: Iterable[RequestLogEntry]) -> None:
        rows = list(rows)
        tokens = {row.client_id for row in rows} - {0}
        keys = {attempt.key_id for row in rows for attempt in row.tried}
        found = ClientToken.objects.filter(pk__in=tokens).values_list("pk", "name")
        self._tokens = dict(found)
        there = ApiKey.objects.filter(pk__in=keys).values_list("pk", "name", "masked")
        self.present_keys = {pk: name or masked for pk, name, masked in there}
        gone = RemovedKey.objects.filter(key_id__in=keys - self.present_keys.keys())
        self._removed = dict(gone.values_list("key_id", "label"))

    def client(self, row: RequestLogEntry) -> str:
        if not row.client_id:
            return ""
        return self._tokens.get(row.client_id) or _("token %(id)d, removed") % {"id": row.client_id}

    def has_client(self, row: RequestLogEntry) -> bool:
        return row.client_id in self._tokens

    def key(self, attempt: LoggedAttempt) -> str:
        """Its name now, else that of then."""
        name = self.present_keys.get(attempt.key_id)
        if name is None:
            label = (
                self._removed.get(attempt.key_id)
                or attempt.key
                or (_("key %(id)d") % {"id": attempt.key_id})
            )
            return _("%(name)s, removed") % {"name": label}
        return name


def outcome_label(outcome: str) -> str:
    return _(OUTCOMES[outcome][0]) if outcome in OUTCOMES else outcome


def verdict_label(verdict: str) -> str:
    return _(ENDS[verdict][0]) if verdict in ENDS else kind_word(verdict)


def verdict_meaning(verdict: str) -> str:
    if verdict in ENDS:
        return _(ENDS[verdict][2])
    return _(SPECS[verdict].meaning) if verdict in SPECS else ""


def verdict_tone(verdict: str) -> AnyTone:
    if verdict in ENDS:
        return ENDS[verdict][1]
    return SPECS[verdict].tone if verdict in SPECS else "default"


def currencies_in(rows: Iterable[RequestLogEntry]) -> Currencies:
    """Those that their costs are in; today's where there are no rows."""
    days = [row.arrived_at.astimezone(UTC).date() for row in rows] or [datetime.now(UTC).date()]
    return currencies_of(min(days), max(days))


def requests_json(rows: Sequence[RequestLogEntry]) -> list[dict[str, Any]]:
    """Times are ISO 8601 UTC. `cost_micros`: null where its model has no price; of a day on which
    the currency changed it is in one of two.
    """
    names, currencies = RequestNames(rows), currencies_in(rows)
    return [_request_json(row, names, currencies) for row in rows]


def _request_json(
    row: RequestLogEntry, names: RequestNames, currencies: Currencies
) -> dict[str, Any]:
    same = (
        *("address", "model", "endpoint", "method", "status", "outcome", "error"),
        *("first_byte_ms", "ms", "bytes_in", "bytes_out", "prompt_tokens", "output_tokens"),
        *("cached_tokens", "thought_tokens", "tool_use_tokens", "cost_micros"),
    )
    return {
        "time": iso_utc(row.arrived_at, "milliseconds"),
        "id": row.request_id,
        "client": {"id": row.client_id, "name": names.client(row)} if row.client_id else None,
        "group": row.group_name,
        **{name: getattr(row, name) for name in same},
        "currency": currencies.on(row.arrived_at.astimezone(UTC).date()),
        "tries": row.tries,
        "attempts": [{**attempt._asdict(), "key": names.key(attempt)} for attempt in row.tried],
    }
