"""The pages of clients' requests: which there were, and what became of one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from proxyapp.admin.parts.badges import badge
from proxyapp.admin.parts.cells import tokens_in_and_out
from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.records.page import page, words
from proxyapp.costs.currencies import currency_at
from proxyapp.models import RequestLogEntry
from proxyapp.models.request_log import LoggedAttempt
from proxyapp.operators.request_csv import MOST
from proxyapp.operators.request_filters import FAILED, RequestChoice
from proxyapp.operators.request_search import LATEST, FoundRequests, find_requests, left_out
from proxyapp.operators.request_texts import (
    OUTCOMES,
    RequestNames,
    verdict_label,
    verdict_meaning,
    verdict_tone,
)
from proxyapp.operators.request_words import UnclearRequests, read_choice
from proxyapp.vocabulary.money import amount_text

ROWS = 100
# Of a model or id in the list: a client may have written what it liked.
MOST_SHOWN = 60


class RequestForm(forms.Form):
    """Times are written in the reader's zone; a script sends them in UTC."""

    since = words(_("From"), _("2h, 14:03 or a date"))
    until = words(_("Until"), _("5m, 14:10 or a date"))
    outcome = forms.ChoiceField(
        label=_("Client saw"),
        required=False,
        choices=[
            ("", _("anything")),
            (FAILED, _("anything but ok")),
            *((outcome, _(label)) for outcome, (label, *__) in OUTCOMES.items()),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    status = words(_("Status"), _("503 or 5xx"))
    client = words(_("Client token"), _("id, name or -"))
    key = words(_("Key"), _("id or name"))
    model = words(_("Model"))
    group = words(_("Group"))
    id = words(_("Request ID"))

    def choice(self) -> RequestChoice | None:
        """None: what is wrong stands at the fields."""
        if not self.is_valid():
            return None
        try:
            return read_choice(self.cleaned_data, timezone.now())
        except UnclearRequests as error:
            for name, problem in error.problems.items():
                self.add_error(name, problem)
            return None


def requests_view(request: HttpRequest) -> HttpResponse:
    """`before`: the page before ends there."""
    let_in(request)
    form = RequestForm(request.GET)
    choice = form.choice()
    before = request.GET.get("before", "")
    found, missing = FoundRequests(), (0, 0)
    if choice is not None:
        found = find_requests(choice, ROWS, before_id=_entry_id(before))
        missing = left_out(choice)
    chosen = {name: value for name, value in request.GET.items() if value and name != "before"}
    context = {
        "title": gettext("Requests"),
        "form": form,
        "rows": list(_rows(found.rows)),
        "is_later_page": bool(before),
        "newest_query": urlencode(chosen),
        "most_in_csv": MOST,
        "older_query": urlencode({**chosen, "before": found.next_id}) if found.next_id else "",
        "looked_back_to": found.looked_back_to and local_time(found.looked_back_to),
        "missing": missing[0],
        "missing_failures": missing[1],
        "mode": settings.REQUEST_LOG,
        "days": settings.REQUEST_LOG_DAYS,
        "most_rows": settings.REQUEST_LOG_ROWS,
    }
    return page(request, "requests", context)


def request_view(request: HttpRequest, entry_id: int) -> HttpResponse:
    let_in(request)
    row = RequestLogEntry.objects.filter(pk=min(entry_id, LATEST)).first()
    if row is None:
        raise Http404(gettext("There is no such request in the log."))
    names = RequestNames([row])
    context = {
        "title": gettext("Request %(id)s") % {"id": _short(row.request_id)},
        **_row(row, names),
        "meaning": gettext(OUTCOMES[row.outcome][2]) if row.outcome in OUTCOMES else "",
        "attempts": [_attempt(each, names) for each in row.tried],
        "hidden": row.tries - len(row.tried),
        "tokens": tokens_in_and_out(row) if row.prompt_tokens or row.output_tokens else "",
        "cost": _cost(row),
    }
    return page(request, "request", context)


def _cost(row: RequestLogEntry) -> str | None:
    if row.cost_micros is None:
        return None
    return f"{currency_at(row.arrived_at)} {amount_text(row.cost_micros)}"


def _entry_id(text: str) -> int:
    """0 where a link has none."""
    return min(int(text[:20]), LATEST) if text.isascii() and text.isdecimal() else 0


def let_in(request: HttpRequest) -> None:
    if not request.user.has_perm("proxyapp.view_requestlogentry"):
        raise PermissionDenied


def _rows(found: Iterable[RequestLogEntry]) -> Iterator[Mapping[str, Any]]:
    found = list(found)
    names = RequestNames(found)
    for row in found:
        yield _row(row, names)


def _row(row: RequestLogEntry, names: RequestNames) -> dict[str, Any]:
    label, tone, __ = OUTCOMES.get(row.outcome, (row.outcome, "default", ""))
    return {
        "row": row,
        "url": reverse("admin:request", args=[row.id]),
        "time": local_time(row.arrived_at),
        "id": _short(row.request_id),
        "model": _short(row.model),
        "outcome": badge(gettext(label), tone),
        "client": names.client(row),
        "client_url": reverse("admin:proxyapp_clienttoken_change", args=[row.client_id])
        if names.has_client(row)
        else "",
        "last": _attempt(row.tried[-1], names) if row.attempts else None,
        "earlier": row.tries - 1,
    }


def _attempt(attempt: LoggedAttempt, names: RequestNames) -> dict[str, Any]:
    there = attempt.key_id in names.present_keys
    return {
        "attempt": attempt,
        "name": names.key(attempt),
        "url": reverse("admin:proxyapp_apikey_change", args=[attempt.key_id]) if there else "",
        "verdict": badge(verdict_label(attempt.verdict), verdict_tone(attempt.verdict)),
        "meaning": verdict_meaning(attempt.verdict),
    }


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
