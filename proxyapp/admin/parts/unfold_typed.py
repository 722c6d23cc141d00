"""Classes of Django and of the admin's theme, as generics.

The type checker sees Django's, which the theme's extend.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.forms import models as forms

SECRETS = frozenset({"secret", "key_hash", "token_hash", "proxy_url"})
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
    from unfold.decorators import display
    from unfold.views import ChangeList
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanSwitchWidget as Checkbox

    class ModelAdmin(ThemedAdmin):
        list_fullwidth = True

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
