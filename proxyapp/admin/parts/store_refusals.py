"""Forms whose rows a store saves: what it refuses is said at the fields, the form shown again."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.unfold_typed import ModelAdmin

# For as long as a request lasts.
REFUSAL = "_store_refusal"
TAKEN = ValidationError({"name": [_("Somebody else has just taken this name.")]})

Row = TypeVar("Row", bound=Model)


class StoredAdmin(ModelAdmin[Row]):
    """Its form has `refusal`: what the store said of it when it was asked to take it."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        for _round in range(2):
            try:
                return super().changeform_view(request, object_id, form_url, extra_context)
            except ValidationError as error:
                setattr(request, REFUSAL, error)
            except IntegrityError:
                setattr(request, REFUSAL, TAKEN)
        raise AssertionError("a form that has problems was saved")

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        form: Any = super().get_form(request, obj, change, **kwargs)
        # Made anew each time.
        form.refusal = getattr(request, REFUSAL, None)
        return form  # type: ignore[no-any-return]


def refused_fields(
    refusal: ValidationError | None, form: BaseForm, field_of: Mapping[str, str]
) -> Iterator[tuple[str | None, list[str]]]:
    """`field_of`: the form's field for the row's, where that has another name."""
    for name, texts in (refusal.message_dict if refusal else {}).items():
        field = field_of.get(name, name)
        yield (field if field in form.fields else None), texts
