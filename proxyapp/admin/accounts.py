"""Who may use the admin: Django's users and groups. The groups are called roles here: groups of keys are the others."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from proxyapp.admin.history import AuditedAdmin
from proxyapp.admin.typed import ModelAdmin

if TYPE_CHECKING:
    ThemedUserAdmin = auth.UserAdmin[User]
    ThemedGroupAdmin = auth.GroupAdmin
else:

    class ThemedUserAdmin(auth.UserAdmin, ModelAdmin):
        pass

    class ThemedGroupAdmin(auth.GroupAdmin, ModelAdmin):
        pass


admin.site.unregister((User, Group))


@admin.register(User)
class UserAdmin(AuditedAdmin[User], ThemedUserAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        if "password" in name:
            return "" if is_new else "password changed"
        return super().describe_edit(form, name, is_new=is_new)


@admin.register(Group)
class RoleAdmin(AuditedAdmin[Group], ThemedGroupAdmin):
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Roles", **(extra_context or {})})
