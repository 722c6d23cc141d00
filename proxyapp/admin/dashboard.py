"""The admin's index: the dashboard's first state, which the live socket keeps up to date."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from proxyapp.admin.dashboard_words import dashboard_words
from proxyapp.operators.dashboard import snapshot
from proxyapp.vocabulary.key_states import KeyState


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Who may not see keys gets no snapshot: the page then lists what may be seen."""
    if not request.user.has_perm("proxyapp.view_apikey"):
        return context
    return context | {
        "snapshot": snapshot(timezone.now()),
        "page_words": dashboard_words(),
        "key_states": list(KeyState),
        "may_add_keys": request.user.has_perm("proxyapp.add_apikey"),
    }
