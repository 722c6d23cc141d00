"""Forms that know of their request what a page knows: who asks, what was said before."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model
from django.http import HttpRequest

from proxyapp.admin.parts.unfold_typed import ModelAdmin

Row = TypeVar("Row", bound=Model)


class InformedAdmin(ModelAdmin[Row]):
    def told_to_form(self, request: HttpRequest) -> Mapping[str, Any]:
        """Attributes of the form's class, which is made anew for each page."""
        return {}

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        form = super().get_form(request, obj, change, **kwargs)
        for name, known in self.told_to_form(request).items():
            setattr(form, name, known)
        return form
