"""The form of a key: its secret is written, and never shown."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.keys.exit_field import OwnExitForm
from proxyapp.admin.parts.limit_fields import LimitsForm
from proxyapp.admin.parts.pooled import WriteOnlyInput, refuse_if
from proxyapp.admin.parts.versioned import HiddenValue
from proxyapp.models import ApiKey, Group
from proxyapp.models.sealed import keyed_hashes
from proxyapp.operators.key_destinations import destination_of, through_own
from proxyapp.operators.redirects import refusal
from proxyapp.vocabulary.checks import check_key, check_label
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.service_account import (
    BadAccount,
    account_of,
    default_name,
    is_account,
    stored_account,
)
from proxyapp.vocabulary.target_places import PROJECT, lacks_project

# Under which names the form takes what it never shows as it is.
INPUTS = {"proxy_url": "new_proxy_url"}


class ApiKeyForm(OwnExitForm, LimitsForm[ApiKey]):
    """`may_redirect`: whether its user may move the key to a group with another target or proxy."""

    may_redirect = False
    new_secret = forms.CharField(widget=WriteOnlyInput, label=gettext_lazy("Key"), required=False)

    class Meta:
        model = ApiKey
        own = (field.name for field in KEY_FIELDS if field.name not in INPUTS)
        fields = ["group", *own, "position", "status"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "weight" in self.fields:
            self.fields["weight"].required = False
        secret = self.fields["new_secret"]
        if self.instance.pk is None:
            secret.required = True
            secret.help_text = _(
                "Or the text of a service account's JSON file. Stored encrypted, and never shown"
                " again."
            )
        else:
            secret.label = _("Replace the key")
            now = {"now": self.instance.masked}
            secret.help_text = _("Now: %(now)s. Leave empty to keep it.") % now

    def hidden_values(self) -> dict[str, HiddenValue]:
        secret = HiddenValue(self.instance.key_hash, self.instance.masked)
        return {"new_secret": secret, "new_proxy_url": self.hidden_exit()}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._leave_what_was_not_sent()
        group, is_new = self.cleaned_data.get("group"), self.instance.pk is None
        if is_new:
            self._take_from_account(self.cleaned_data.get("new_secret") or "")
        if group and lacks_project(group.target_url, self.cleaned_data.get("project", "")):
            problem = _("The target of group %(group)s has %(place)s: give it one.")
            self.add_error("project", problem % {"group": group, "place": PROJECT})
        if group is not None:
            self.check_exit(group)
        if not (
            is_new or self.may_redirect or group is None or self.cleaned_data.get("new_secret")
        ):
            self._refuse_redirection(group)
        return cleaned

    def _leave_what_was_not_sent(self) -> None:
        """As it was: by a script that knows neither, and an empty weight."""
        given = self.cleaned_data
        if given.get("weight", 1) is None:
            given["weight"] = self.instance.weight
        if "priority" in given and self.add_prefix("priority") not in self.data:
            given["priority"] = self.instance.priority

    def _take_from_account(self, secret: str) -> None:
        """Its name and project, where none are given."""
        if not is_account(secret):
            return
        given = self.cleaned_data
        given["name"] = given.get("name") or default_name(secret)
        given["project"] = given.get("project") or account_of(secret)["project_id"]

    def _refuse_redirection(self, group: Group) -> None:
        """Under a lock of both groups: else one of them could be sent elsewhere at this moment."""
        before, own, wanted = self.initial["group"], self.instance.proxy_url, self.wanted_exit()
        if group.pk == before and wanted == own:
            return
        ids = [group.pk, before]
        groups = {one.pk: one for one in Group.objects.select_for_update().filter(pk__in=ids)}
        was = through_own(destination_of(groups[before]), own)
        if was != through_own(destination_of(groups[group.pk]), wanted):
            self.add_error("group", refusal(1, _("of group %(group)s") % {"group": groups[before]}))

    def clean_name(self) -> str:
        return refuse_if(check_label, self.cleaned_data["name"], _("The name"))

    def clean_project(self) -> str:
        return refuse_if(check_label, self.cleaned_data["project"], _("The project"))

    def _checked(self, secret: str) -> str:
        """The text of a service account's file is kept in one form."""
        if not is_account(secret.lstrip()):
            return refuse_if(check_key, secret, _("The key"))
        try:
            return stored_account(secret)
        except BadAccount as problem:
            raise ValidationError(
                _("The service account %(problem)s.") % {"problem": problem}
            ) from None

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if not secret:
            return secret
        secret = self._checked(secret)
        same = ApiKey.objects.filter(key_hash__in=keyed_hashes(secret)).exclude(pk=self.instance.pk)
        other = same.select_related("group").first()
        if other:
            raise ValidationError(
                _("This key is already in group %(group)s.") % {"group": other.group}
            )
        return secret
