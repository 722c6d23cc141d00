"""The form of a new operator token."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import Group as Role
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from proxyapp.admin.parts.store_refusals import refused_fields
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.models import OperatorToken

NEVER = "never"
LIFETIMES = {
    "30": _("In 30 days"),
    "90": _("In 90 days"),
    "365": _("In a year"),
    NEVER: _("Never"),
}
FIELD_OF = {"expires_at": "lifetime", "__all__": "name"}


class OperatorTokenForm(ModelForm[OperatorToken]):
    """`refusal`: what the store said of it when it was asked to take it."""

    refusal: ValidationError | None = None

    role = forms.ModelChoiceField(
        Role.objects.order_by("name"),
        widget=UnfoldAdminSelectWidget,
        label=_("Role"),
        help_text=_("What it may do, and never more than you may at that moment."),
    )
    lifetime = forms.ChoiceField(
        widget=UnfoldAdminRadioSelectWidget,
        label=_("Expires"),
        choices=list(LIFETIMES.items()),
        initial="90",
    )

    class Meta:
        model = OperatorToken
        fields = ["name", "role"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        for field, texts in refused_fields(self.refusal, self, FIELD_OF):
            self.add_error(field, texts)
        return self.cleaned_data

    def expiry(self, now: datetime) -> datetime | None:
        chosen = self.cleaned_data["lifetime"]
        return None if chosen == NEVER else now + timedelta(days=int(chosen))
