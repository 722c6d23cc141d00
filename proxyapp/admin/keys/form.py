"""The form of a key: its secret is written, and never shown."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from proxyapp.admin.parts.pooled import WriteOnlyInput, refuse_if
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.models import ApiKey
from proxyapp.models.sealed import keyed_hashes
from proxyapp.vocabulary.checks import check_key, check_label


class ApiKeyForm(ModelForm[ApiKey]):
    new_secret = forms.CharField(widget=WriteOnlyInput, label="Key", required=False)

    class Meta:
        model = ApiKey
        fields = ["group", "name", "project", "position", "status"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secret = self.fields["new_secret"]
        if self.instance.pk is None:
            secret.required = True
            secret.help_text = "Stored encrypted, and never shown again."
        else:
            secret.label = "Replace the key"
            secret.help_text = f"Now: {self.instance.masked}. Leave empty to keep it."

    def clean_name(self) -> str:
        return refuse_if(check_label, self.cleaned_data["name"], "The name")

    def clean_project(self) -> str:
        return refuse_if(check_label, self.cleaned_data["project"], "The project")

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if not secret:
            return secret
        refuse_if(check_key, secret, "The key")
        same = ApiKey.objects.filter(key_hash__in=keyed_hashes(secret)).exclude(pk=self.instance.pk)
        other = same.select_related("group").first()
        if other:
            raise ValidationError(f"This key is already in group {other.group}.")
        return secret
