"""Classes of Django and of the admin's theme, as generics.

The type checker sees Django's, which the theme's extend.
"""

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.forms import models as forms
from django.utils.html import format_html

from proxyapp.admin.parts.page_words import NamedPages

SECRETS = frozenset({"secret", "key_hash", "token_hash", "proxy_url", "proxy_pool", "url"})
Function = TypeVar("Function", bound=Callable[..., Any])

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList as ChangeList
    from django.contrib.admin.widgets import AdminTextareaWidget as Textarea
    from django.contrib.admin.widgets import AdminTextInputWidget as TextInput
    from django.forms import CheckboxInput as Checkbox

    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm

    def display(
        *,
        description: str | None = None,
        ordering: str | None = None,
        label: bool | str | Mapping[str, str] | None = None,
        header: bool | None = None,
    ) -> Callable[[Function], Function]:
        """As Django's; `label` shows the value as a badge, in the mapping's colour."""

else:
    from unfold.admin import ModelAdmin as ThemedAdmin
    from unfold.admin import checkbox
    from unfold.decorators import display
    from unfold.views import ChangeList as ThemedChangeList
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanSwitchWidget as Checkbox

    class ChangeList(ThemedChangeList):
        """The theme makes a list's headings, with their links, anew for each row of it."""

        @cached_property
        def _query_strings(self) -> dict[str, str]:
            return {}

        def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
            wish = repr((new_params, remove, self.filter_params))
            if wish not in self._query_strings:
                self._query_strings[wish] = super().get_query_string(new_params, remove)
            return self._query_strings[wish]

        @cached_property
        def _ordering_columns(self) -> dict[int, str]:
            return super().get_ordering_field_columns()

        def get_ordering_field_columns(self) -> dict[int, str]:
            return self._ordering_columns

    @cache
    def box_of_row() -> str:
        """A row's box to tick, with `{}` for its id: a template for each of 100 rows takes long."""
        return checkbox.render(ACTION_CHECKBOX_NAME, "{}")

    class ModelAdmin(NamedPages, ThemedAdmin):
        list_fullwidth = True

        @admin.display(description=ThemedAdmin.action_checkbox.short_description)
        def action_checkbox(self, obj: Any) -> str:
            return format_html(box_of_row(), obj.pk)

        def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
            """Django's lets an address ask for every field, even a hash letter by letter."""
            return lookup.partition("__")[0] not in SECRETS and super().lookup_allowed(
                lookup, value, request
            )

        def __class_getitem__(cls, _: Any) -> type[admin.ModelAdmin]:
            return cls

    class ModelForm(forms.ModelForm):
        def __class_getitem__(cls, _: Any) -> type[forms.ModelForm]:
            return cls


__all__ = ["ChangeList", "Checkbox", "ModelAdmin", "ModelForm", "TextInput", "Textarea", "display"]
