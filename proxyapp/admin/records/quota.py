"""The page of quotas: what is used of each limit, where it comes from, and when it ends."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.parts.unfold_typed import Checkbox
from proxyapp.admin.records.page import page, words
from proxyapp.operators.quota_report import NEARLY, QuotaChoice, QuotaRow, UsedLimit, quota_report
from proxyapp.operators.quota_texts import source_text, used_text
from proxyapp.quota.owners import GROUP, KEY
from proxyapp.vocabulary.limits import Meter

ROWS = 100


class ChoiceForm(forms.Form):
    project = words(_("Project"))
    group = words(_("Group"))
    model = words(_("Model"))
    nearly = forms.BooleanField(
        required=False,
        widget=Checkbox,
        label=format_lazy(_("Only what is used to {} or more"), f"{NEARLY:.0%}"),
    )

    @property
    def choice(self) -> QuotaChoice:
        """Nothing is chosen by what cannot be a name."""
        chosen = self.cleaned_data if self.is_valid() else {}
        project, group, model = (chosen.get(name, "") for name in ("project", "group", "model"))
        return QuotaChoice(project, group, model, bool(chosen.get("nearly")))


def quota_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("proxyapp.view_hourlyusage"):
        raise PermissionDenied
    form = ChoiceForm(request.GET)
    pages = Paginator(quota_report(form.choice), ROWS)
    shown = pages.get_page(request.GET.get("p"))
    context = {
        "title": gettext("Quota"),
        "form": form,
        "page": shown,
        "rows": [_shown(row) for row in shown.object_list],
        "kept": urlencode({k: v for k, v in request.GET.items() if k != "p"}),
        "now": local_time(timezone.now()),
    }
    return page(request, "quota", context)


def _shown(row: QuotaRow) -> Mapping[str, Any]:
    return {
        "name": row.name,
        "url": _keys_url(row),
        "events_url": _events_url(row),
        "explain_query": urlencode({"model": row.model}),
        "groups": ", ".join(row.groups),
        "model": row.model,
        "today": row.today,
        "meters": list(_meters(row)),
        "lines": max(len(row.meters), 1),
        "cooling": row.cooling_until and local_time(row.cooling_until),
    }


def _meters(row: QuotaRow) -> Iterator[Mapping[str, Any]]:
    for meter in row.meters:
        yield {
            "text": used_text(meter),
            "is_high": meter.part >= NEARLY,
            "percent": min(int(meter.part * 100), 100),
            "source": source_text(meter.limit),
            "beaten": ", ".join(
                f"{limit.number:,} ({source_text(limit)})" for limit in meter.beaten
            ),
            "is_over": _is_over(meter),
            "back_at": meter.back_at and local_time(meter.back_at),
            "used_up_at": meter.used_up_at and local_time(meter.used_up_at),
        }


def _is_over(meter: UsedLimit) -> bool:
    return meter.limit.meter is not Meter.MAX_CONCURRENT and meter.part >= 1


def _keys_url(row: QuotaRow) -> str:
    if row.owner.startswith(KEY):
        return reverse("admin:proxyapp_apikey_change", args=[row.key.id])
    if row.owner.startswith(GROUP):
        return reverse("admin:proxyapp_group_change", args=[row.key.group.id])
    query = urlencode({"project": row.project})
    return f"{reverse('admin:proxyapp_apikey_changelist')}?{query}"


def _events_url(row: QuotaRow) -> str:
    """Of what was refused of it."""
    of = {"key": str(row.key.id)} if row.owner.startswith(KEY) else {"project": row.project}
    if row.owner.startswith(GROUP):
        of = {"key__group__id__exact": str(row.key.group.id)}
    query = urlencode(of | ({"model": row.model} if row.model else {}))
    return f"{reverse('admin:proxyapp_ratelimitevent_changelist')}?{query}"
