"""Filters of the list of resources, and the search for names by how they begin."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.filters import with_chosen
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.admin.records.capped_pages import CappedPaginator
from proxyapp.admin.records.group_filters import GroupFilter
from proxyapp.models import Resource
from proxyapp.models.many_ids import among
from proxyapp.resources.kinds import KINDS

# As many as a list leads to.
MOST_FOUND = CappedPaginator.most
LAST_CHARACTER = "\U0010ffff"


class KindOfResourceFilter(SimpleListFilter):
    """The kinds are known: nobody looks for them in a million rows."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return with_chosen([(name, name) for name in KINDS], self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Resource]) -> QuerySet[Resource]:
        kind = self.value()
        return queryset.filter(kind=kind) if kind else queryset


class GroupOfResourceFilter(GroupFilter):
    """The group in which the key was then."""

    def of_group(self, request: HttpRequest, rows: QuerySet[Any], group_id: int) -> QuerySet[Any]:
        return rows.filter(group_id=group_id)


def beginning_with(text: str) -> Q:
    """By its name, or by its ID where that begins so: the first that an index finds of each kind.

    A look for each: for all in one, SQLite goes through the whole table.
    """
    starts = [text]
    if "/" not in text:
        starts += [f"{kind}/{text}" for kind in KINDS if "*" not in kind]
    found: set[int] = set()
    for start in starts:
        rows = Resource.objects.order_by().filter(_between(start))
        found.update(rows.values_list("pk", flat=True)[:MOST_FOUND])
    return Q(pk__in=among(found))


def _between(start: str) -> Q:
    """SQLite finds a range by its index and no beginning; PostgreSQL may sort names by a language,
    where a range is something else.
    """
    if connection.vendor == "postgresql":
        return Q(name__startswith=start)
    return Q(name__gte=start, name__lt=start + LAST_CHARACTER)
