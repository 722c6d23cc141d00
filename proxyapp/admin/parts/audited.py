"""Who did what in the admin: in the history of each object, and in the audit log."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import override

from proxyapp.admin.parts.store_refusals import StoredAdmin
from proxyapp.admin.parts.versioned import VersionedAdmin
from proxyapp.models import audit
from proxyapp.vocabulary.languages import PLAIN
from proxyapp.vocabulary.quoting import quoted
from proxyapp.vocabulary.urls import shown_url

ADDED, NOTHING_CHANGED = "Added", "No fields changed."

Row = TypeVar("Row", bound=Model)


class AuditedAdmin(StoredAdmin[Row], VersionedAdmin[Row]):
    """The audit log has each addition, change and deletion, with all values but secrets."""

    def construct_change_message(  # type: ignore[override]
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> str:
        """Plain text, for the history and the audit log alike, in English whoever reads the page:
        permissions have names in each language.
        """
        with override(PLAIN):
            described = dict.fromkeys(
                self.describe_edit(form, name, is_new=add) for name in form.changed_data
            )
        text = "; ".join(part for part in described if part)
        if add:
            return f"{ADDED}: {text}" if text else f"{ADDED}."
        return text or NOTHING_CHANGED

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        """Values only of the model's own columns.

        What else a form asks for may be a secret, or a password.
        """
        if name not in form.fields or not self._is_column(name):
            return f"{name} changed"
        return _described(
            name,
            form.fields[name],
            form.initial.get(name),
            form.cleaned_data.get(name),
            is_new=is_new,
        )

    def log_addition(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        audit.record(audit.operator(request.user), "add", [obj], str(message))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        if message != NOTHING_CHANGED:
            audit.record(audit.operator(request.user), "change", [obj], str(message))
        return super().log_change(request, obj, message)

    def log_deletions(
        self, request: HttpRequest, queryset: QuerySet[Row]
    ) -> list[LogEntry] | LogEntry:
        audit.record(audit.operator(request.user), "delete", queryset)
        return super().log_deletions(request, queryset)

    def _is_column(self, name: str) -> bool:
        try:
            self.opts.get_field(name)
        except FieldDoesNotExist:
            return False
        return True


def log_changes(
    request: HttpRequest, changed: QuerySet[Any], message: str, *, action: audit.Action = "change"
) -> None:
    """What an action did, on each object."""
    log_in_history(request, changed, message)
    audit.record(audit.operator(request.user), action, changed)


def log_in_history(request: HttpRequest, changed: QuerySet[Any], message: str) -> None:
    if request.user.pk is not None and changed:
        LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, message)


def _described(name: str, field: forms.Field, old: Any, new: Any, *, is_new: bool) -> str:
    if isinstance(field, forms.ModelMultipleChoiceField):
        return _described_set(name, _names(old), _names(new))
    before, after = _value(name, field, old), _value(name, field, new)
    if is_new:
        return f"{name} {quoted(after)}"
    return f"{name} {quoted(before)} → {quoted(after)}" if before != after else ""


def _described_set(name: str, old: Sequence[str], new: Sequence[str]) -> str:
    changes = {"added": sorted(set(new) - set(old)), "removed": sorted(set(old) - set(new))}
    return "; ".join(
        f"{name} {word}: {', '.join(names)}" for word, names in changes.items() if names
    )


def _names(rows: Iterable[Model] | None) -> list[str]:
    return [str(row) for row in rows or ()]


def _value(name: str, field: forms.Field, value: Any) -> str:
    if (
        isinstance(field, forms.ModelChoiceField)
        and value is not None
        and not isinstance(value, Model)
    ):
        value = field.queryset.filter(pk=value).first() if field.queryset is not None else None
    if name.endswith("_url"):
        return shown_url(value)
    return "" if value is None else str(value)
