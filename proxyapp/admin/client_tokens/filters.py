"""Filters of the list of client tokens."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from proxyapp.admin.client_tokens.list import STATE_WORDS
from proxyapp.admin.parts.filters import FewChoicesFilter, is_id
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import ClientToken, Group
from proxyapp.operators.token_standing import STATES, tokens_in

LABELS = {
    **STATE_WORDS,
    "expiring": _("active, expires within 7 days"),
    "unreadable": _("unreadable (another SECRET_KEY)"),
}


class TokenStateFilter(SimpleListFilter):
    title = pgettext_lazy("of a row", "state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        return [(state, LABELS[state]) for state in STATES]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ClientToken]
    ) -> QuerySet[ClientToken]:
        state = self.value()
        return tokens_in(queryset, state, timezone.now()) if state in STATES else queryset


class UsableGroupFilter(FewChoicesFilter):
    """Tokens that may use the keys of a group: also those that may use all."""

    title = _("group")
    parameter_name = "group"

    def offered(self, chosen: str | None) -> QuerySet[Any, tuple[Any, Any]]:
        groups = Group.objects.all() if chosen is None else _group(chosen)
        return groups.values_list("pk", "name")

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ClientToken]
    ) -> QuerySet[ClientToken]:
        chosen = self.value()
        if not chosen:
            return queryset
        named = ClientToken.allowed_groups.through.objects.filter(group__in=_group(chosen)).values(
            "clienttoken_id"
        )
        return queryset.filter(Q(is_limited_to_groups=False) | Q(pk__in=named))


def _group(group_id: str) -> QuerySet[Group]:
    return Group.objects.filter(pk=int(group_id)) if is_id(group_id) else Group.objects.none()
