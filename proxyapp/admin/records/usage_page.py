"""The page of usage: any days, by client, project, key, group or model, with what it cost."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from proxyapp.admin.parts.cells import rate
from proxyapp.admin.parts.svg_charts import ChartBar, bar_chart
from proxyapp.admin.records.page import page
from proxyapp.operators.usage_ranges import DEFAULT_RANGE, RANGES, chosen_range, named_range
from proxyapp.operators.usage_report import BY, UsageCounts, UsageReport, usage_report
from proxyapp.operators.usage_texts import change_text, cost_text, usage_csv

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as LazyText

OWN = "days"
# What the rows stand for, as a choice and as a column's head.
AS_CHOICE = {
    "model": _("Model"),
    "client": _("Client"),
    "project": _("Project"),
    "group": _("Group"),
    "key": _("Key"),
}
# A table that somebody reads; the CSV has all.
MOST_ROWS = 200


def day_field(label: "str | LazyText") -> forms.DateField:
    widget = forms.DateInput({"type": "date", "class": " ".join(INPUT_CLASSES)}, "%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


class RangeForm(forms.Form):
    """Of an address, which may say anything: what cannot be is said at its field."""

    by = forms.ChoiceField(
        label=_("By"),
        widget=UnfoldAdminSelectWidget,
        required=False,
        choices=[(by, AS_CHOICE[by]) for by in BY],
    )
    range = forms.ChoiceField(
        label=_("Range"),
        widget=UnfoldAdminSelectWidget,
        required=False,
        choices=[
            *((name, _(label)) for name, label in RANGES.items()),
            (OWN, _("From … to …")),
        ],
    )
    since = day_field(_("From (UTC)"))
    until = day_field(_("To (UTC)"))

    def report(self) -> UsageReport:
        """What cannot be is as if it was not said."""
        self.full_clean()
        chosen, now = self.cleaned_data, timezone.now()
        days = named_range(chosen.get("range") or DEFAULT_RANGE, now)
        if chosen.get("range") == OWN:
            try:
                days = chosen_range(chosen.get("since"), chosen.get("until"), now)
            except ValueError as error:
                self.add_error("since", gettext("%(problem)s.") % {"problem": error})
        return usage_report(self.chosen_by(), days)

    def chosen_by(self) -> str:
        by = self.data.get("by")
        return by if by in BY else next(iter(BY))


def usage_view(request: HttpRequest) -> HttpResponse:
    form, report = _asked(request)
    context = {
        "title": gettext("Usage"),
        "form": form,
        "report": report,
        "by": AS_CHOICE[report.by],
        "changes": [change_text(change) for change in report.currencies.changes],
        "chart": _chart(report),
        "rows": [(row.label, _cells(row.counts)) for row in report.rows[:MOST_ROWS]],
        "more": max(len(report.rows) - MOST_ROWS, 0),
        "days": [(day, _cells(each)) for day, each in reversed(report.days) if any(each)],
        "total": _cells(report.total),
        "csv": urlencode(request.GET),
        "currency": report.currencies,
    }
    return page(request, "report", context)


def usage_csv_view(request: HttpRequest) -> HttpResponse:
    _, report = _asked(request)
    headers = {"Cache-Control": "no-store"}
    response = HttpResponse(usage_csv(report), "text/csv; charset=utf-8", headers=headers)
    name = f"usage-by-{report.by}-{report.range.first}-{report.range.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _asked(request: HttpRequest) -> tuple[RangeForm, UsageReport]:
    form = RangeForm({"by": next(iter(BY)), "range": DEFAULT_RANGE} | request.GET.dict())
    needed = "tokenusage" if form.chosen_by() == "client" else "hourlyusage"
    if not request.user.has_perm(f"proxyapp.view_{needed}"):
        raise PermissionDenied
    return form, form.report()


def _cells(counts: UsageCounts) -> Mapping[str, str]:
    return {
        "requests": f"{counts.requests:,}",
        "success": rate(counts.succeeded, counts.requests),
        "into": f"{counts.prompt_tokens:,}",
        "out": f"{counts.output_tokens:,}",
        "cost": cost_text(counts),
    }


def _chart(report: UsageReport) -> SafeString:
    bars = [
        ChartBar(
            counts.succeeded,
            counts.requests,
            gettext("%(day)s: %(requests)s requests, %(succeeded)s succeeded; %(cost)s")
            % {
                "day": day,
                "requests": f"{counts.requests:,}",
                "succeeded": f"{counts.succeeded:,}",
                "cost": f"{report.currencies.on(day)} {cost_text(counts)}",
            },
        )
        for day, counts in report.days
    ]
    label = gettext("%(requests)s requests, %(days)s (UTC)")
    return bar_chart(bars, label % {"requests": f"{report.total.requests:,}", "days": report.range})
