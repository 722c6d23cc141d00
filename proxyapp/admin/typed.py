"""Django's classes as generics. The type checker sees them so already; at run time they take no parameter."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.forms import models as forms

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm
else:

    class ModelAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, _: Any) -> type[admin.ModelAdmin]:
            return cls

    class ModelForm(forms.ModelForm):
        def __class_getitem__(cls, _: Any) -> type[forms.ModelForm]:
            return cls
