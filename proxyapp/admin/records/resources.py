"""What belongs to keys: files, caches, batches and the like, with whose they are."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import DateTimeField, Model, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.cells import ago, until
from proxyapp.admin.parts.looking_back import NewestChangeList
from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.readonly import NOTHING, ReadOnlyAdmin
from proxyapp.admin.parts.unfold_typed import ChangeList
from proxyapp.admin.records.capped_pages import CappedPaginator
from proxyapp.admin.records.resource_filters import (
    GroupOfResourceFilter,
    KindOfResourceFilter,
    beginning_with,
)
from proxyapp.models import ApiKey, ClientToken, Group, Resource, audit
from proxyapp.operators.forgetting import forget_resources

# In one transaction, for which the gateway's own writes wait under SQLite.
MOST_FORGOTTEN = 2_000


class ResourceChangeList(NewestChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        note_owners(self.result_list)


def note_owners(rows: Any) -> None:
    """What there still is of those whom rows name: three queries a page."""
    keys = keys_of(rows)
    groups = dict(of_rows(Group, rows, "group_id").values_list("pk", "name"))
    tokens = dict(of_rows(ClientToken, rows, "client_id").values_list("pk", "name"))
    for row in rows:
        row.__dict__["owners"] = (
            keys.get(row.key_hash) or keys.get(row.key_id),
            groups.get(row.group_id),
            tokens.get(row.client_id),
        )


def keys_of(rows: Any) -> dict[int | str, int]:
    """The ids of those that there are, by the id and by the hash that rows may name."""
    named = Q(pk__in={row.key_id for row in rows})
    named |= Q(key_hash__in={row.key_hash for row in rows if row.key_hash})
    found = ApiKey.objects.filter(named).values_list("pk", "key_hash")
    return {name: pk for pk, key_hash in found for name in (pk, key_hash)}


def of_rows(table: type[Model], rows: Any, column: str) -> QuerySet[Any]:
    return table._default_manager.filter(pk__in={getattr(row, column) for row in rows})


def owners(row: Resource) -> tuple[int | None, str | None, str | None]:
    """The id of its key, if there is one, and what its group and its client token are called."""
    if "owners" not in row.__dict__:
        note_owners([row])
    found: tuple[int | None, str | None, str | None] = row.__dict__["owners"]
    return found


@admin.register(Resource)
class ResourceAdmin(ReadOnlyAdmin[Resource]):
    words = Words(
        _("resource"),
        _("resources"),
        none=_("No files, caches or batches were made through the gateway yet."),
    )
    list_display = ("name", "kind", "key", "of_project", "group", "token", "made", "expires")
    list_filter = (KindOfResourceFilter, GroupOfResourceFilter)
    search_fields = ("name",)
    search_help_text = _("How a name or an ID begins, such as files/abc or abc")
    list_per_page = 100
    paginator = CappedPaginator
    ordering = ("-made_at", "-pk")  # as the indexes have them: nothing is sorted
    actions = ("forget",)
    fields = (
        "name",
        "kind",
        "key",
        "of_project",
        "group",
        "token",
        "made_at_all",
        "expires_at_all",
    )

    class Media:
        css = {"all": ("proxyapp/groups.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        """Not by the index of what expires: the newest of a million would have to be sorted."""
        now = timezone.now()
        ends = Coalesce("expires_at", Value(now), output_field=DateTimeField())
        return super().get_queryset(request).alias(ends=ends).filter(ends__gt=now)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Resource], search_term: str
    ) -> tuple[QuerySet[Resource], bool]:
        text = search_term.strip()
        return (queryset.filter(beginning_with(text)) if text else queryset), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ResourceChangeList

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("proxyapp.forget_resource")

    @admin.display(description=_("key"), ordering="key_name")
    def key(self, row: Resource) -> SafeString:
        key_id, _, _ = owners(row)
        if key_id is None:
            return format_html(gettext("{}, removed"), row.key_name)
        url = reverse("admin:proxyapp_apikey_change", args=[key_id])
        return format_html('<a href="{}">{}</a>', url, row.key_name)

    @admin.display(description=_("project"), ordering="project")
    def of_project(self, row: Resource) -> str:
        return row.project or NOTHING

    @admin.display(description=_("group"), ordering="group_id")
    def group(self, row: Resource) -> str:
        removed = gettext("group %(id)d, removed") % {"id": row.group_id}
        return owners(row)[1] or removed

    @admin.display(description=_("token"), ordering="client_id")
    def token(self, row: Resource) -> str:
        if not row.client_id:
            return NOTHING
        removed = gettext("token %(id)d, removed") % {"id": row.client_id}
        return owners(row)[2] or removed

    @admin.display(description=_("made"), ordering="made_at")
    def made(self, row: Resource) -> SafeString:
        return ago(row.made_at, timezone.now())

    @admin.display(description=_("expires in"), ordering="expires_at")
    def expires(self, row: Resource) -> SafeString:
        return until(row.expires_at, timezone.now())

    @admin.display(description=_("made"))
    def made_at_all(self, row: Resource) -> str:
        return local_time(row.made_at)

    @admin.display(description=_("expires"))
    def expires_at_all(self, row: Resource) -> str:
        return local_time(row.expires_at)

    @admin.action(
        description=_("Forget whose they are (nothing is deleted at the provider)"),
        permissions=["forget"],
    )
    def forget(self, request: HttpRequest, queryset: QuerySet[Resource]) -> None:
        ids = list(queryset.order_by().values_list("pk", flat=True)[: MOST_FORGOTTEN + 1])
        if len(ids) > MOST_FORGOTTEN:
            refusal = gettext(
                "More than %(most)s are selected. Nothing was forgotten: filter first."
            )
            most = {"most": f"{MOST_FORGOTTEN:,}"}
            self.message_user(request, refusal % most, messages.ERROR)
            return
        gone = forget_resources(ids, audit.operator(request.user), timezone.now())
        level = messages.SUCCESS if gone else messages.WARNING
        text = gettext("Forgot %(gone)d of %(selected)d selected resources.")
        self.message_user(request, text % {"gone": len(gone), "selected": len(ids)}, level)
