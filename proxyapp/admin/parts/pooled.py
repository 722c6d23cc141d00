"""What the pages of groups and keys share: changes reach every process, secrets are write-only."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from proxyapp.admin.parts.audited import AuditedAdmin
from proxyapp.admin.parts.dependents import dependent_lines
from proxyapp.admin.parts.unfold_typed import ModelForm, TextInput
from proxyapp.models import ApiKey, RateLimitEvent
from proxyapp.operators.dependent_tokens import Dependents, dependents
from proxyapp.operators.removal import removal
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import lock_pool, raise_pool_version

# Named in the message; the others are counted.
SHOWN_DELETIONS = 20
# To count millions of events takes longer than a page may.
MOST_COUNTED = 50_000

Pooled = TypeVar("Pooled", bound=models.Model)


class PooledAdmin(AuditedAdmin[Pooled]):
    """Every change raises the pool's version in its own transaction."""

    def save_model(
        self, request: HttpRequest, obj: Pooled, form: ModelForm[Pooled], change: bool
    ) -> None:
        """Only the columns that were edited are written: the gateway writes others meanwhile."""
        lock_pool()
        obj.save(update_fields=self.edited_columns(obj, form) if change else None)
        raise_pool_version(self.touched([obj.pk]))

    def edited_columns(self, obj: Pooled, form: ModelForm[Pooled]) -> list[str]:
        names = {field.name for field in obj._meta.concrete_fields}
        return ["updated_at", *(name for name in form.changed_data if name in names)]

    def delete_model(self, request: HttpRequest, obj: Pooled) -> None:
        with removal(self.keys_of([obj.pk]), self.touched([obj.pk])):
            losing = self.losses(request, [obj.pk], "Now")
            super().delete_model(request, obj)
        self.tell(request, losing)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pooled]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        with removal(self.keys_of(ids), self.touched(ids)):
            losing = self.losses(request, ids, "Now")
            super().delete_queryset(request, queryset)
        self.tell(request, losing)

    def touched(self, ids: Sequence[int]) -> Touched:
        """What of the pool a change of these objects touches."""
        raise NotImplementedError

    def losses(self, request: HttpRequest, ids: Sequence[int], when: str) -> list[str]:
        """What client tokens lose with these objects."""
        return dependent_lines(request, self.dependents(ids), when)

    def dependents(self, ids: Sequence[int]) -> Dependents:
        return dependents(list(self.keys_of(ids).values_list("pk", flat=True)))

    def tell(self, request: HttpRequest, losing: Sequence[str]) -> None:
        for line in losing:
            self.message_user(request, line, messages.WARNING)

    def get_deleted_objects(
        self, objs: Sequence[Pooled] | QuerySet[Pooled], request: HttpRequest
    ) -> tuple[list[str], dict[str, Any], set[str], list[str]]:
        """Counts instead of a list: a group may have 10,000 keys, a key 10,000 rows of usage."""
        labels = [str(obj) for obj in objs[:SHOWN_DELETIONS]]
        total = len(objs) if isinstance(objs, Sequence) else objs.count()
        if total > len(labels):
            labels.append(_("… and %(count)d more") % {"count": total - len(labels)})
        ids = (
            [obj.pk for obj in objs]
            if isinstance(objs, Sequence)
            else list(objs.order_by().values_list("pk", flat=True))
        )
        counts: dict[str, Any] = {
            str(self.opts.verbose_name_plural): total,
            **self.dependent_counts(ids),
        }
        may_delete = request.user.has_perm(f"proxyapp.delete_{self.opts.model_name}")
        return labels, counts, set() if may_delete else {str(self.opts.verbose_name)}, []

    def keys_of(self, ids: Sequence[int]) -> QuerySet[ApiKey]:
        """The keys that go with these objects."""
        return ApiKey.objects.none()

    def dependent_counts(self, ids: Sequence[int]) -> dict[str, Any]:
        """How many rows go with these objects, by what they are."""
        return {}


def counts_of_keys(keys: QuerySet[ApiKey]) -> dict[str, Any]:
    events = RateLimitEvent.objects.filter(key__in=keys.order_by().values("pk")).order_by()
    count = events[: MOST_COUNTED + 1].count()
    return {
        _("rate limit events"): _("more than %(count)s") % {"count": f"{MOST_COUNTED:,}"}
        if count > MOST_COUNTED
        else count,
    }


class WriteOnlyInput(TextInput):
    """Never renders what it holds, not even when the form comes back with an error."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", "spellcheck": "false", **(attrs or {})})

    def format_value(self, value: Any) -> None:
        return None


def refuse_if(check: Callable[[str], str | None], value: str, subject: str) -> str:
    """The value, or a ValidationError with what the check says of it."""
    problem = check(value)
    if problem:
        raise ValidationError(f"{subject} {problem}.")
    return value
