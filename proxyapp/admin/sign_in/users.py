"""Who may use the admin: Django's users, and its groups under the name of roles.

Groups of keys are the others.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import ManyToManyField, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from proxyapp.admin.parts.audited import AuditedAdmin, log_in_history
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import SecondFactor, audit
from proxyapp.vocabulary.quoting import quoted

SUPERUSER = "superuser"

if TYPE_CHECKING:
    from django.contrib.auth.forms import BaseUserCreationForm

    UserCreationForm = BaseUserCreationForm[User]
    ThemedUserAdmin = auth.UserAdmin[User]
    ThemedGroupAdmin = auth.GroupAdmin
else:
    from unfold.forms import UserCreationForm

    class ThemedUserAdmin(auth.UserAdmin, ModelAdmin):
        pass

    class ThemedGroupAdmin(auth.GroupAdmin, ModelAdmin):
        pass


admin.site.unregister((User, Group))

# Only what pages read: migrations compare what the models were declared with.
Group._meta.verbose_name, Group._meta.verbose_name_plural = _("role"), _("roles")
User._meta.get_field("groups").verbose_name = _("roles")


class NewUserForm(UserCreationForm):
    role = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        label=_("Role"),
        required=False,
        empty_label=_("None yet: may not enter the admin"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("What the user may do. With a role the user may enter the admin."),
    )

    def clean(self) -> dict[str, Any] | None:
        self.instance.is_staff = bool(self.cleaned_data.get("role"))
        return super().clean()


@admin.register(User)
class UserAdmin(AuditedAdmin[User], ThemedUserAdmin):
    form = UserChangeForm
    add_form = NewUserForm
    add_fieldsets = (
        (None, {"fields": ("username", "role", "usable_password", "password1", "password2")}),
    )
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active", "is_staff", "groups")}),
        (_("Name and address"), {"fields": ("first_name", "last_name", "email")}),
        (
            _("Beyond roles"),
            {"classes": ("collapse",), "fields": ("is_superuser", "user_permissions")},
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ("user_permissions",)
    change_password_form = AdminPasswordChangeForm
    actions = ("reset_second_factor",)

    @admin.action(
        description=_("Reset the second factor of selected users"),
        permissions=["reset_second_factor"],
    )
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            users = list(queryset.filter(second_factor__isnull=False))
            SecondFactor.objects.filter(user__in=users).delete()
            log_in_history(
                request, queryset.filter(pk__in=[user.pk for user in users]), "Second factor reset."
            )
            audit.record(audit.operator(request.user), "change", users, "second factor reset")
        words = gettext("Second factors reset: %(count)d") % {"count": len(users)}
        self.message_user(request, words, messages.SUCCESS)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if role := form.cleaned_data.get("role"):
            form.instance.groups.add(role)

    def has_reset_second_factor_permission(self, request: HttpRequest) -> bool:
        """Only superusers: who takes it away from one needs no more than the password."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_within(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_within(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """What the gateway writes, and what would make its owner more than who gives it."""
        fields = (*super().get_readonly_fields(request, obj), "last_login")
        return fields if request.user.is_superuser else (*fields, "is_superuser")

    def get_deleted_objects(
        self, objs: Sequence[User] | QuerySet[User], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Django asks for each object only where it is deleted on its own page."""
        texts, counts, missing, protected = super().get_deleted_objects(objs, request)
        if not all(_is_within(request, user) for user in objs):
            missing.add(SUPERUSER)
        return texts, counts, missing, protected

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "forms.ModelMultipleChoiceField[Any] | None":
        if db_field.name == "groups":
            kwargs["help_text"] = _("What the user may do: the permissions of all of these roles.")
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return as_it_is(super().formfield_for_manytomany(db_field, request, **kwargs))

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        if "password" in name:
            return "" if is_new else "password changed"
        if name == "role":
            return f"role {quoted(str(form.cleaned_data[name]))}"
        return super().describe_edit(form, name, is_new=is_new)


def as_it_is(
    field: "forms.ModelMultipleChoiceField[Any] | None",
) -> "forms.ModelMultipleChoiceField[Any] | None":
    """Permissions are called what Django has called them in the database: in English."""
    if field is not None and field.queryset is not None and field.queryset.model is Permission:
        widget: Any = field.widget
        getattr(widget, "widget", widget).attrs["translate"] = "no"
    return field


def _is_within(request: HttpRequest, user: User | None) -> bool:
    """Superusers are for superusers: whoever sets one's password is one."""
    return bool(request.user.is_superuser) or user is None or not user.is_superuser


@admin.register(Group)
class RoleAdmin(AuditedAdmin[Group], ThemedGroupAdmin):
    """Django's groups, under the name that keeps them apart from groups of keys."""

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "forms.ModelMultipleChoiceField[Any] | None":
        return as_it_is(super().formfield_for_manytomany(db_field, request, **kwargs))
