"""A key's own exit in its form: written, and never shown as it is."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.parts.pooled import WriteOnlyInput
from proxyapp.admin.parts.unfold_typed import Checkbox, ModelForm
from proxyapp.admin.parts.versioned import HiddenValue
from proxyapp.models import ApiKey, Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary.exits import EXAMPLE, exit_check, shown_exit

BOTH = gettext_lazy("Replace the exit or remove it, not both.")


class OwnExitForm(ModelForm[ApiKey]):
    new_proxy_url = forms.CharField(
        widget=WriteOnlyInput, label=gettext_lazy("Exit"), required=False
    )
    remove_proxy = forms.BooleanField(
        widget=Checkbox,
        required=False,
        label=gettext_lazy("Remove the exit"),
        help_text=gettext_lazy("The key goes the way of its group from now on."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = self.instance.proxy_url
        if own is None:
            del self.fields["remove_proxy"]
            self.fields["new_proxy_url"].help_text = _(
                "This key's alone, over its group's proxy or exits: %(example)s, or direct. Empty:"
                " none."
            ) % {"example": EXAMPLE}
            return
        self.fields["new_proxy_url"].label = _("Replace the exit")
        self.fields["new_proxy_url"].help_text = _("Now: %(now)s. Leave empty to keep it.") % {
            "now": _shown(own)
        }

    def hidden_exit(self) -> HiddenValue:
        own = self.instance.proxy_url
        return HiddenValue(own or "", "" if own is None else _shown(own))

    def check_exit(self, group: Group) -> None:
        given = self.cleaned_data.get("new_proxy_url") or ""
        if given and self.cleaned_data.get("remove_proxy"):
            raise ValidationError(BOTH)
        if given and (problem := exit_check(group.allow_link_local)(given)):
            self.add_error("new_proxy_url", _("The exit %(problem)s.") % {"problem": problem})

    def wanted_exit(self) -> str | None:
        """From now on; None: that of its group."""
        kept = None if self.cleaned_data.get("remove_proxy") else self.instance.proxy_url
        return self.cleaned_data.get("new_proxy_url") or kept


def _shown(url: str) -> str:
    is_unreadable = url == UNREADABLE
    return (
        _("unreadable (it was encrypted with another SECRET_KEY)")
        if is_unreadable
        else (shown_exit(url))
    )
