"""Filters of the lists."""

from abc import ABC, abstractmethod
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import BooleanField, Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.looking_back import newest
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import ApiKey, RateLimitEvent
from proxyapp.models.key_state import ROTATION_ORDER, in_state
from proxyapp.operators.shown_words import kind_word
from proxyapp.provider.kind_sets import EVENT_KINDS
from proxyapp.vocabulary.key_states import KeyState

# What a drop-down list can be read through.
MAX_CHOICES = 50
# As many as a key's own page shows.
DAYS = 14
# There is no table of models: they are looked for among so many rows, which costs little.
RECENT_EVENTS = 1000
MOST_DIGITS = 18  # of an id in a link; the database takes no more
ALL_MODELS = "*"  # in a link; in the database it is empty
KEY_LABEL = Case(
    When(name="", then=F("masked")),
    default=Concat("name", Value(" ("), "masked", Value(")")),
    output_field=CharField(),
)


class KeyStateFilter(SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(state.value, state.word) for state in KeyState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        state = self.value()
        return in_state(queryset, state, timezone.now()) if state else queryset


class LastUsedFilter(SimpleListFilter):
    title = _("last used")
    parameter_name = "used"
    never = "never"
    days = {"1d": 1, "7d": 7, "30d": 30}

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        spans = [
            ("1d", gettext("in the last 24 h")),
            ("7d", gettext("in the last 7 days")),
            ("30d", gettext("in the last 30 days")),
        ]
        return [*spans, (self.never, gettext("never"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        chosen = self.value()
        if chosen == self.never:
            return queryset.filter(last_used_at=None)
        days = self.days.get(chosen or "")
        return (
            queryset.filter(last_used_at__gte=timezone.now() - timedelta(days=days))
            if days
            else queryset
        )


class CooldownFilter(SimpleListFilter):
    """An event of a dead key is none of these: it imposed no cooldown."""

    title = _("cooldown")
    parameter_name = "cooldown"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [
            ("active", gettext("active")),
            ("over", gettext("over")),
            ("released", gettext("released by hand")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RateLimitEvent]
    ) -> QuerySet[RateLimitEvent]:
        now = timezone.now()
        meanings = {
            "active": Q(released_at=None, cooling_until__gt=now),
            "over": Q(released_at=None, cooling_until__lte=now, cooling_until__gt=F("occurred_at")),
            "released": Q(released_at__isnull=False),
        }
        chosen = self.value() or ""
        if chosen not in meanings:
            return queryset
        rows = queryset if chosen == "active" else newest(request, queryset, "occurred_at")
        return rows.filter(meanings[chosen])


class KindFilter(SimpleListFilter):
    """The kinds are known: Django's own filter would look for them in every event."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(kind.value, kind_word(kind)) for kind in EVENT_KINDS]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RateLimitEvent]
    ) -> QuerySet[RateLimitEvent]:
        kind = self.value()
        return newest(request, queryset, "occurred_at").filter(kind=kind) if kind else queryset


class ModelOfEventFilter(SimpleListFilter):
    """Offers the models of recent events, and one that a link chose: there is no list of all."""

    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        recent = RateLimitEvent.objects.order_by("-occurred_at").values_list("model", flat=True)[
            :RECENT_EVENTS
        ]
        models = sorted(set(recent) - {""})[:MAX_CHOICES]
        return with_chosen(
            [(ALL_MODELS, gettext("every model")), *((model, model) for model in models)],
            self.value(),
        )

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RateLimitEvent]
    ) -> QuerySet[RateLimitEvent]:
        chosen = self.value()
        if not chosen:
            return queryset
        rows = newest(request, queryset, "occurred_at")
        return rows.filter(model="" if chosen == ALL_MODELS else chosen)


class DayFilter(SimpleListFilter):
    """The last days.

    A date hierarchy would read the whole table, on SQLite by a Python function for each row.
    """

    title = _("day (UTC)")
    parameter_name = "day"
    column = "hour"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        today = timezone.now().date()
        days = [(today - timedelta(days=ago)).isoformat() for ago in range(DAYS)]
        return [(day, day) for day in days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            start = datetime.combine(date.fromisoformat(self.value() or ""), time(), UTC)
            end = start + timedelta(days=1)
        except (ValueError, OverflowError):
            return queryset.none()
        return queryset.filter(**{f"{self.column}__gte": start, f"{self.column}__lt": end})


class DayOfEventFilter(DayFilter):
    column = "occurred_at"


class FewChoicesFilter(SimpleListFilter, ABC):
    """Offers the values while there are few; of many (10,000 keys) only the one of a link."""

    @abstractmethod
    def offered(self, chosen: str | None) -> QuerySet[Any, tuple[Any, Any]]:
        """Pairs of value and label; only those of `chosen` unless it is None."""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        pairs = list(self.offered(None)[: MAX_CHOICES + 1])
        if len(pairs) > MAX_CHOICES:
            pairs = list(self.offered(self.value())[:1]) if self.value() else []
        choices = [(str(value), str(label)) for value, label in pairs]
        return with_chosen(choices, self.value())


class ProjectFilter(FewChoicesFilter):
    """For keys."""

    title = _("project")
    parameter_name = "project"

    def offered(self, chosen: str | None) -> QuerySet[Any, tuple[Any, Any]]:
        keys = (
            ApiKey.objects.exclude(project="")
            if chosen is None
            else ApiKey.objects.filter(project=chosen)
        )
        return keys.order_by("project").values_list("project", "project").distinct()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        project = self.value()
        return queryset.filter(project=project) if project else queryset


class ProjectOfEventFilter(ProjectFilter):
    """For events that hold for a project."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().queryset(request, queryset)
        # SQLite takes the index of those events only for this condition, word for word.
        named = "NOT (proxyapp_ratelimitevent.project = '')"
        is_named = RawSQL(named, [], output_field=BooleanField())  # noqa: S611  # no outside value
        return rows.filter(is_named) if self.value() else rows


class KeyFilter(FewChoicesFilter):
    """For rows that belong to a key."""

    title = _("key")
    parameter_name = "key"

    def offered(self, chosen: str | None) -> QuerySet[Any, tuple[Any, Any]]:
        keys = ApiKey.objects.all() if chosen is None else one_key(chosen)
        return keys.order_by(*ROTATION_ORDER).values_list("pk", KEY_LABEL)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        key_id = self.value()
        if not key_id:
            return queryset
        return queryset.filter(key=int(key_id)) if is_id(key_id) else queryset.none()


def with_chosen(choices: list[tuple[str, str]], chosen: str | None) -> list[tuple[str, str]]:
    """Django drops a filter that offers nothing, and with it what a link has chosen."""
    is_offered = not chosen or any(value == chosen for value, _ in choices)
    return choices if is_offered else [*choices, (str(chosen), str(chosen))]


def is_id(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def one_key(key_id: str) -> QuerySet[ApiKey]:
    """The key of a link; none where the link is no id.

    A column that refers to keys overflows on a huge number.
    """
    return ApiKey.objects.filter(pk=int(key_id)) if is_id(key_id) else ApiKey.objects.none()
