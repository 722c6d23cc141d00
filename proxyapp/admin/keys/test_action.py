"""The action that tests keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from proxyapp.admin.parts.audited import log_changes
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import ApiKey
from proxyapp.operators import key_tests
from proxyapp.operators.key_tests import Changes, Findings

if TYPE_CHECKING:
    from proxyapp.upstream.key_probe import ProbeResult

# A request to the provider for each, while the operator waits for the page.
MAX_KEYS = 200
# A message each.
SHOWN_RESULTS = 20


@admin.action(description="Test (asks the provider, costs no quota)", permissions=["change"])
def test_keys(pages: ModelAdmin[ApiKey], request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
    """Django runs views that are not async in threads without a loop: this may start one."""
    ids = list(queryset.values_list("pk", flat=True))
    if len(ids) > MAX_KEYS:
        too_many = (
            f"At most {MAX_KEYS} keys are tested at once, and {len(ids)} were selected. Nothing was"
            " tested;"
        )
        pages.message_user(
            request, f"{too_many} `manage.py keys test` takes any number.", messages.ERROR
        )
        return
    findings = key_tests.ask_provider(ids)
    _show(pages, request, findings.results, settle(request, findings))


def settle(request: HttpRequest, findings: Findings) -> Changes:
    """What the test says of keys is done to them, with the history and the audit log."""
    with transaction.atomic():
        changes = key_tests.follow(findings)
        keys = ApiKey.objects.defer("secret")
        works = keys.filter(pk__in=changes.enabled)
        log_changes(request, works, "Tested and enabled: it works.", action="enable")
        dead = keys.filter(pk__in=changes.condemned)
        log_changes(request, dead, "Tested and taken out: it is dead.", action="disable")
    return changes


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
        status = "no answer" if result.status is None else result.status
        text = (
            f"Key {keys.get(result.key_id, '(deleted)')}: {status},"
            f" {key_tests.describe(result, changes)}"
        )
        pages.message_user(request, text, messages.SUCCESS if result.ok else messages.ERROR)
    if rest:
        failed = sum(not result.ok for result in rest)
        text = f"And {len(rest)} more: {len(rest) - failed} work, {failed} failed."
        pages.message_user(request, text, messages.ERROR if failed else messages.SUCCESS)
