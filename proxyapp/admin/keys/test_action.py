"""The action that tests keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.keys.settling import settle
from proxyapp.admin.keys.test_page import begin_test
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import ApiKey
from proxyapp.operators import key_tests
from proxyapp.operators.key_tests import Changes

if TYPE_CHECKING:
    from proxyapp.upstream.key_probe import ProbeResult

# A request to the provider for each, while the operator waits for the page; more are asked about in
# the background.
MAX_KEYS = 200
# A message each.
SHOWN_RESULTS = 20


@admin.action(
    description=gettext_lazy("Test (asks the provider, costs no quota)"), permissions=["change"]
)
def test_keys(
    pages: ModelAdmin[ApiKey], request: HttpRequest, queryset: QuerySet[ApiKey]
) -> HttpResponse | None:
    """Django runs views that are not async in threads without a loop: this may start one."""
    ids = list(queryset.values_list("pk", flat=True))
    if len(ids) > MAX_KEYS:
        return begin_test(request, ids)
    findings = key_tests.ask_provider(ids)
    _show(pages, request, findings.results, settle(request, findings))
    return None


def _show(
    pages: ModelAdmin[ApiKey],
    request: HttpRequest,
    results: "Sequence[ProbeResult]",
    changes: Changes,
) -> None:
    """What has changed first, then what fails, then what works; the rest of many is counted."""
    changed = {*changes.enabled, *changes.condemned}
    ordered = sorted(results, key=lambda result: (result.key_id not in changed, result.ok))
    shown, rest = ordered[:SHOWN_RESULTS], ordered[SHOWN_RESULTS:]
    keys = ApiKey.objects.only("name", "masked").in_bulk([result.key_id for result in shown])
    for result in shown:
        text = _("Key %(key)s: %(status)s, %(result)s") % {
            "key": keys.get(result.key_id, _("(deleted)")),
            "status": _("no answer") if result.status is None else result.status,
            "result": key_tests.describe(result, changes),
        }
        pages.message_user(request, text, messages.SUCCESS if result.ok else messages.ERROR)
    if rest:
        failed = sum(not result.ok for result in rest)
        counts = {"count": len(rest), "work": len(rest) - failed, "failed": failed}
        text = _("And %(count)d more: %(work)d work, %(failed)d failed.") % counts
        pages.message_user(request, text, messages.ERROR if failed else messages.SUCCESS)
