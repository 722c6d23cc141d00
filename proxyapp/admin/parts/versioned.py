"""Forms that know what their page showed: none undoes silently what was saved meanwhile.

The page carries a keyed hash of each field that an operator may edit. What the gateway itself
writes is none of them, so no form grows stale by requests.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from proxyapp.admin.parts.unfold_typed import ModelAdmin, ModelForm
from proxyapp.models.sealed import keyed_hash
from proxyapp.vocabulary.urls import shown_url

FIELD = "row_version"
STALE = gettext_noop(
    "Nothing was saved: this was changed while your page was open. What you entered is still here;"
    " the differences stand above. Saving once more puts your values in place of those."
)
HASH_DIGITS = 16
MAX_SHOWN = 300
EMPTY = gettext_noop("(empty)")

Row = TypeVar("Row", bound=Model)


class HiddenValue(NamedTuple):
    """Of a field that is only written: what it compares by, and what may be shown of it."""

    value: str
    shown: str


class Difference(NamedTuple):
    field: str
    now: str
    yours: str


class VersionedForm(ModelForm[Model]):
    """`sent_version`: what the page carried; empty: it was no page."""

    sent_version = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hidden: Mapping[str, HiddenValue] = getattr(self, "hidden_values", dict)()
        self.hashes = {name: self._hash(name) for name in self._editable()}
        self.version = json.dumps(self.hashes, separators=(",", ":"))
        self.differences: list[Difference] = []

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound or not self.sent_version:
            return
        seen = _read(self.sent_version)
        stale = [name for name in self.hashes if seen.get(name) != self.hashes[name]]
        self.differences = [self._difference(name) for name in stale if name in self.changed_data]
        if self.differences:
            self.add_error(None, _(STALE))

    def _editable(self) -> Iterable[str]:
        return (name for name, field in self.fields.items() if not field.disabled)

    def _hash(self, name: str) -> str:
        hidden = self.hidden.get(name)
        initial = self.get_initial_for_field(self.fields[name], name)
        plain = hidden.value if hidden else _plain(initial)
        return keyed_hash(json.dumps([name, plain]))[:HASH_DIGITS]

    def _difference(self, name: str) -> Difference:
        field, hidden = self.fields[name], self.hidden.get(name)
        label = str(field.label or name.replace("_", " ").capitalize())
        if hidden:
            return Difference(label, hidden.shown or _(EMPTY), _("what you have entered"))
        initial = self.get_initial_for_field(field, name)
        yours = self.cleaned_data.get(name, self[name].value())
        return Difference(label, shown(name, field, initial), shown(name, field, yours))


class VersionedAdmin(ModelAdmin[Row]):
    """The row is locked from the comparison to the save, so that of two forms one comes second."""

    class Media:
        css = {"all": ("proxyapp/groups.css",)}

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None or not self.has_change_permission(request, obj):
            return form
        fields = {"sent_version": request.POST.get(FIELD, "")}
        return cast("type[Any]", type(form.__name__, (VersionedForm, form), fields))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, *args, **kwargs)
        with transaction.atomic():
            self._lock(unquote(object_id))
            return super().changeform_view(request, object_id, *args, **kwargs)

    def _lock(self, object_id: str) -> None:
        try:
            pk = self.opts.pk.to_python(object_id)
        except ValidationError:  # the page says that there is no such row
            return
        rows = self.model._default_manager.select_for_update().filter(pk=pk).order_by()
        rows.values_list("pk", flat=True).first()


def shown(name: str, field: forms.Field, value: Any) -> str:
    """In a line, without what is secret in it."""
    if name.endswith("_url"):
        return shown_url(value)
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, Model | Iterable):
        value = field.queryset.filter(pk=value).first() if value and field.queryset else None
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        value = dict(_flat(cast("Iterable[Any]", field.choices))).get(str(value), value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        value = [f"{key}: {shown(name, field, inner)}" for key, inner in value.items()]
    if isinstance(value, Iterable) and not isinstance(value, str):
        value = ", ".join(map(str, value))
    text = _(EMPTY) if value in (None, "") else str(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _flat(choices: Iterable[Any]) -> Iterable[tuple[str, str]]:
    return ((str(value), str(label)) for value, label in choices)


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sorted(map(str, map(_plain, value)))
    return "" if value is None else str(value)


def _read(version: str) -> Mapping[str, Any]:
    """A version that is none is of no page that there is now."""
    try:
        found = json.loads(version)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
