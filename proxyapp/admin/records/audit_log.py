"""The audit log: to look at, for everybody, and to change for nobody."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.badges import Variant, badge
from proxyapp.admin.parts.filters import MAX_CHOICES, DayFilter, with_chosen
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.readonly import NOTHING, ReadOnlyAdmin, second_text
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.admin.records.audit_words import ACTIONS, OBJECTS, word
from proxyapp.models import AuditEntry, audit

# The operators to choose from are looked for among these, and not in the whole table.
RECENT_ENTRIES = 1000
# A row of the list stays a few lines high; the entry's page has the whole text.
SHOWN_CHARACTERS = 200
VARIANTS: dict[str, Variant] = {
    "add": "success",
    "enable": "success",
    "release": "success",
    "delete": "danger",
    "disable": "warning",
    "revoke": "danger",
    "show": "warning",
    "export": "warning",
    "lock": "danger",
    "unlock": "success",
    "forget": "warning",
}


class ActorFilter(SimpleListFilter):
    """Offers who did something of late, and the one that is chosen by a link."""

    title = _("actor")
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        recent = AuditEntry.objects.order_by("-at", "-id").values_list("actor", flat=True)[
            :RECENT_ENTRIES
        ]
        actors = sorted(set(recent))[:MAX_CHOICES]
        return with_chosen([(actor, actor) for actor in actors], self.value())

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        actor = self.value()
        return queryset.filter(actor=actor) if actor else queryset


class ActionFilter(SimpleListFilter):
    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(action, word(ACTIONS, action)) for action in audit.ACTIONS]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        action = self.value()
        return queryset.filter(action=action) if action else queryset


class ObjectTypeFilter(SimpleListFilter):
    title = _("object type")
    parameter_name = "object_type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [
            (name, word(OBJECTS, name))
            for name in (
                *audit.OBJECT_TYPES.values(),
                audit.CONFIG_FILE,
                audit.DATABASE,
                audit.SIGN_IN,
            )
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        name = self.value()
        return queryset.filter(object_type=name) if name else queryset


class ObjectFilter(SimpleListFilter):
    """Offers only the object of a link, such as `key:7`: there are too many to choose from."""

    title = _("object")
    parameter_name = "object"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return with_chosen([], self.value())

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        chosen = self.value()
        if not chosen:
            return queryset
        object_type, __, object_id = chosen.rpartition(":")
        return queryset.filter(object_type=object_type, object_id=object_id)


class DayOfEntryFilter(DayFilter):
    column = "at"


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    words = Words(
        _("entry"), _("entries"), _("Audit log"), none=_("Nobody has changed anything yet.")
    )
    list_display = ("when", "actor", "done", "of_type", "what", "summary")
    list_filter = (ActionFilter, ActorFilter, ObjectTypeFilter, ObjectFilter, DayOfEntryFilter)
    search_fields = ("label", "detail", "actor")
    search_help_text = _("An object's name or masked key, a word of the detail, or who did it")
    list_per_page = 100
    fields = ("when", "actor", "done", "of_type", "what", "full_detail")

    @admin.display(description=_("when"), ordering="at")
    def when(self, entry: AuditEntry) -> str:
        return second_text(entry.at)

    @admin.display(description=_("action"), ordering="action")
    def done(self, entry: AuditEntry) -> SafeString:
        return badge(word(ACTIONS, entry.action), VARIANTS.get(entry.action, "default"))

    @admin.display(description=_("object type"), ordering="object_type")
    def of_type(self, entry: AuditEntry) -> str:
        return word(OBJECTS, entry.object_type)

    @admin.display(description=_("object"), ordering="label")
    def what(self, entry: AuditEntry) -> str:
        if not entry.object_id:
            return entry.label or NOTHING
        return entries_link(entry.object_type, entry.object_id, entry.label)

    @admin.display(description=_("detail"))
    def summary(self, entry: AuditEntry) -> str:
        return Truncator(entry.detail).chars(SHOWN_CHARACTERS)

    @admin.display(description=_("detail"))
    def full_detail(self, entry: AuditEntry) -> str:
        return entry.detail or NOTHING


def entries_of(row: Model) -> SafeString:
    """A link to what was done to the object."""
    return entries_link(audit.object_type_of(type(row)), str(row.pk), gettext("audit log"))


def entries_link(object_type: str, object_id: str, text: str) -> SafeString:
    query = urlencode({"object": f"{object_type}:{object_id}"})
    return format_html(
        '<a href="{}?{}">{}</a>', reverse("admin:proxyapp_auditentry_changelist"), query, text
    )
