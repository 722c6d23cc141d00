"""Adds many keys to a group, with the history of each."""

from collections.abc import Sequence

from django.contrib.admin.models import ADDITION, LogEntry
from django.db import transaction
from django.http import HttpRequest

from proxyapp.models import ApiKey, Group, audit
from proxyapp.operators import key_adding
from proxyapp.operators.key_adding import IN_BULK, WITH_KEYS, Added, NewKey


def add_keys(request: HttpRequest, group: Group, new: Sequence[NewKey]) -> Added:
    with transaction.atomic():
        added = key_adding.add_keys(group, new, audit.operator(request.user))
        if added.is_new_group:
            _note(request, [group], WITH_KEYS)
        _note(request, added.keys, IN_BULK)
    return added


def _note(request: HttpRequest, rows: Sequence[ApiKey] | Sequence[Group], message: str) -> None:
    if request.user.pk is not None and rows:
        LogEntry.objects.log_actions(request.user.pk, rows, ADDITION, message)
