"""Forms whose rows a store saves: what it refuses is said at the fields, the form shown again."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.informed_forms import InformedAdmin

# For as long as a request lasts.
REFUSAL = "_store_refusal"
TAKEN = ValidationError({"name": [_("Somebody else has just taken this name.")]})

Row = TypeVar("Row", bound=Model)


class StoredAdmin(InformedAdmin[Row]):
    """Its form may have `refusal`: what the store said of it when it was asked to take it. Of two
    rows of one name at the same moment the second is refused by its form, which looks once more.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ValidationError as error:
            setattr(request, REFUSAL, error)
        except IntegrityError:
            setattr(request, REFUSAL, TAKEN)
        return super().changeform_view(request, *args, **kwargs)

    def told_to_form(self, request: HttpRequest) -> Mapping[str, Any]:
        return {**super().told_to_form(request), "refusal": getattr(request, REFUSAL, None)}


def refused_fields(
    refusal: ValidationError | None, form: BaseForm, field_of: Mapping[str, str]
) -> Iterator[tuple[str | None, list[str]]]:
    """`field_of`: the form's field for the row's, where that has another name."""
    for name, texts in (refusal.message_dict if refusal else {}).items():
        field = field_of.get(name, name)
        yield (field if field in form.fields else None), texts
