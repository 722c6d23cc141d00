"""What the dashboard asks for when it shows what clients saw by model, client or group: JSON."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone

from proxyapp.operators.outcome_report import HOURS, Split, outcomes_json


def outcomes_view(request: HttpRequest) -> HttpResponse:
    """`?by=model|client|group&period=1h|24h|7d`; anything else is read as the first of these."""
    if not request.user.has_perm("proxyapp.view_apikey"):
        raise PermissionDenied
    by, period = request.GET.get("by", ""), request.GET.get("period", "")
    split = Split(by) if by in set(Split) else Split.MODEL
    found = outcomes_json(split, period if period in HOURS else next(iter(HOURS)), timezone.now())
    if request.user.has_perm("proxyapp.view_clienttoken"):
        for row in found["rows"]:
            if token_id := row["token_id"]:
                row["url"] = reverse("admin:proxyapp_clienttoken_change", args=[token_id])
    return JsonResponse(found)
