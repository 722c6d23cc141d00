"""Who did what with an action, in the history of each object."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest


def log_changes(request: HttpRequest, changed: QuerySet[Any], message: str) -> None:
    if request.user.pk is not None and changed:
        LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, message)
