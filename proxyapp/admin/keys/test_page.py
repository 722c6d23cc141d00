"""How far the test of many keys is, and what to do with those that are dead."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.keys.settling import settle
from proxyapp.models.many_ids import shortened, written_out
from proxyapp.operators.key_test_runs import BackgroundTests, progress_of

# Under this name the session remembers the last test: its keys and when it began.
IN_SESSION = "key_test"
# As fields of one form.
MOST_CHOSEN = 5000
BUSY = gettext_lazy("Another test is under way. Nothing was tested: try again when it is over.")

tests = BackgroundTests()


def begin_test(request: HttpRequest, ids: Sequence[int]) -> HttpResponse:
    page = HttpResponseRedirect(reverse("admin:key_test"))
    since = timezone.now()
    if tests.begin(ids, lambda findings: settle(request, findings)):
        request.session[IN_SESSION] = [shortened(ids), since.isoformat()]
    else:
        messages.error(request, str(BUSY))
    return page


def key_test_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("proxyapp.change_apikey"):
        raise PermissionDenied
    keys, began = request.session.get(IN_SESSION, ["", ""])
    context: dict[str, object] = {"title": _("Test of keys")}
    if began:
        since, now = datetime.fromisoformat(began), timezone.now()
        progress = progress_of(written_out(keys), since)
        has_stopped = progress.has_stopped(since, now)
        if request.method == "POST" and has_stopped:
            return begin_test(request, progress.rest)
        context |= {
            "progress": progress,
            "has_stopped": has_stopped,
            "is_running": not has_stopped and not progress.is_over(),
            "chosen": progress.dead[:MOST_CHOSEN],
        }
    return TemplateResponse(
        request,
        "admin/proxyapp/apikey/test.html",
        admin.site.each_context(request) | context,
    )
