"""How far the test of many keys is, and what to do with those that are dead.

While it goes on the page asks for its own part again and again. The live socket tells all pages
the same; a test is one operator's, of thousands of keys.
"""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from proxyapp.admin.keys.settling import settle
from proxyapp.models.many_ids import shortened, written_out
from proxyapp.operators.key_test_runs import AnswerClock, BackgroundTests, TestProgress, progress_of

# Under these names the session remembers the last test: its keys and when it began; and, where the
# clock was set back meanwhile, how far it was and when that was seen.
IN_SESSION, SEEN = "key_test", "key_test_seen"
# As fields of one form.
MOST_CHOSEN = 5000

tests = BackgroundTests()


def begin_test(request: HttpRequest, ids: Sequence[int]) -> HttpResponse:
    page, clock = HttpResponseRedirect(reverse("admin:key_test")), AnswerClock(ids)
    try:
        is_begun = tests.begin(ids, lambda findings: settle(request, findings, clock.now()))
    except RuntimeError:
        messages.error(request, _("Nothing was tested: the machine has no thread left for it."))
        return page
    if is_begun:
        request.session[IN_SESSION] = [shortened(ids), clock.since.isoformat()]
        request.session.pop(SEEN, None)
    else:
        text = _("Another test is under way. Nothing was tested: try again when it is over.")
        messages.error(request, text)
    return page


def key_test_view(request: HttpRequest) -> HttpResponse:
    """`?part` is what of the page changes."""
    if not request.user.has_perm("proxyapp.change_apikey"):
        raise PermissionDenied
    keys, began = request.session.get(IN_SESSION, ["", ""])
    context: dict[str, object] = {"title": _("Test of keys")}
    if began:
        now = timezone.now()
        progress = progress_of(written_out(keys), datetime.fromisoformat(began))
        has_stopped = progress.has_stopped(_heard_at(request, progress, began, now), now)
        if request.method == "POST" and has_stopped:
            return begin_test(request, progress.rest)
        context |= {
            "progress": progress,
            "has_stopped": has_stopped,
            "is_running": not has_stopped and not progress.is_over(),
            "chosen": progress.dead[:MOST_CHOSEN],
        }
    if "part" in request.GET:
        return TemplateResponse(request, "admin/proxyapp/apikey/test_part.html", context)
    return TemplateResponse(
        request,
        "admin/proxyapp/apikey/test.html",
        admin.site.each_context(request) | context,
    )


def _heard_at(request: HttpRequest, progress: TestProgress, began: str, now: datetime) -> datetime:
    """By the answers; where a clock that was set back dates these in the future, by what this
    session saw of them.
    """
    heard_at = progress.heard_at or datetime.fromisoformat(began)
    if heard_at <= now:
        return heard_at
    done, seen = request.session.get(SEEN, [-1, ""])
    if done != progress.done or datetime.fromisoformat(seen) > now:
        seen = now.isoformat()
        request.session[SEEN] = [progress.done, seen]
    return datetime.fromisoformat(seen)
