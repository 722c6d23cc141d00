"""What a test says of keys is done to them, in the name of who asked for it."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from proxyapp.admin.parts.audited import log_changes
from proxyapp.models import ApiKey
from proxyapp.operators import key_tests
from proxyapp.operators.key_tests import Changes, Findings


def settle(request: HttpRequest, findings: Findings, at: datetime | None = None) -> Changes:
    """With the history and the audit log. `at`: of the answers; None: now."""
    with transaction.atomic():
        changes = key_tests.follow(findings, at)
        keys = ApiKey.objects.defer("secret")
        works = keys.filter(pk__in=changes.enabled)
        log_changes(request, works, "Tested and enabled: it works.", action="enable")
        dead = keys.filter(pk__in=changes.condemned)
        log_changes(request, dead, "Tested and taken out: it is dead.", action="disable")
    return changes
