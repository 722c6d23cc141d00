"""Who may use the admin: Django's users and groups. The groups are called roles here: groups of keys are the others."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from proxyapp import audit
from proxyapp.admin.history import AuditedAdmin, log_in_history
from proxyapp.admin.typed import ModelAdmin
from proxyapp.models import SecondFactor

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
    actions = ("reset_second_factor",)

    @admin.action(description="Reset the second factor of selected users", permissions=["reset_second_factor"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            users = list(queryset.filter(second_factor__isnull=False))
            SecondFactor.objects.filter(user__in=users).delete()
            log_in_history(request, queryset.filter(pk__in=[user.pk for user in users]), "Second factor reset.")
            audit.record(audit.operator(request.user), "change", users, "second factor reset")
        self.message_user(request, f"Second factors reset: {len(users)}", messages.SUCCESS)

    def has_reset_second_factor_permission(self, request: HttpRequest) -> bool:
        """Only superusers: whoever takes it away from a superuser needs no more than the password."""
        return bool(request.user.is_superuser)

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        if "password" in name:
            return "" if is_new else "password changed"
        return super().describe_edit(form, name, is_new=is_new)


@admin.register(Group)
class RoleAdmin(AuditedAdmin[Group], ThemedGroupAdmin):
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Roles", **(extra_context or {})})
