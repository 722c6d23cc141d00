"""The form of a channel. Its URL has tokens in it: it is only written."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from proxyapp.admin.alert_channels.problem_words import shown_problem
from proxyapp.admin.parts.pooled import WriteOnlyInput, refuse_if
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.admin.parts.versioned import HiddenValue
from proxyapp.models import AlertChannel
from proxyapp.vocabulary.alert_fields import (
    PERCENTS,
    SECONDS,
    check_hours,
    check_zone,
    kinds_of,
)
from proxyapp.vocabulary.alert_kinds import KINDS
from proxyapp.vocabulary.alert_urls import check_alert_url
from proxyapp.vocabulary.checks import check_group_name

URL_HELP = _(
    "Of Apprise, such as slack://…, mailtos://… or ntfys://…: github.com/caronc/apprise/wiki says"
    " how each service's is made. It is kept encrypted and never shown again."
)


class ChannelForm(ModelForm[AlertChannel]):
    """`url_problem`: what the library said of the URL before the form's transaction began."""

    url_problem = ""
    new_url = forms.CharField(widget=WriteOnlyInput, label="URL", required=False)
    kinds = forms.MultipleChoiceField(
        choices=[(kind, _(text)) for kind, text in KINDS.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label=_("Kinds"),
        help_text=_("None of them: all, and what later versions add."),
    )

    class Meta:
        model = AlertChannel
        fields = (
            *("name", "new_url", "kinds", "level", "error_percent", "slow_seconds"),
            *("quiet_hours", "time_zone", "urgent_passes", "is_on"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kinds" in self.fields:
            self.initial["kinds"] = kinds_of(self.instance.kinds)
        if "new_url" in self.fields:
            self.fields["new_url"].help_text = _url_help(self.instance)

    def hidden_values(self) -> Mapping[str, HiddenValue]:
        return {"new_url": HiddenValue(self.instance.url or "", self.instance.shown_url)}

    def clean_name(self) -> str:
        return refuse_if(check_group_name, self.cleaned_data["name"].strip(), gettext("The name"))

    def clean_new_url(self) -> str:
        url: str = self.cleaned_data["new_url"].strip()
        if not url:
            if self.instance.pk is None:
                raise forms.ValidationError(gettext("Enter where alerts are to go."))
            return ""
        refuse_if(check_alert_url, url, gettext("The URL"))
        if self.url_problem:
            raise forms.ValidationError(shown_problem(self.url_problem))
        return url

    def clean_kinds(self) -> str:
        return ",".join(self.cleaned_data["kinds"])

    def clean_quiet_hours(self) -> str:
        return refuse_if(
            check_hours, self.cleaned_data["quiet_hours"].strip(), gettext("The hours")
        )

    def clean_time_zone(self) -> str:
        return refuse_if(check_zone, self.cleaned_data["time_zone"].strip(), gettext("The zone"))

    def clean_error_percent(self) -> int:
        return within(PERCENTS, self.cleaned_data["error_percent"])

    def clean_slow_seconds(self) -> int:
        return within(SECONDS, self.cleaned_data["slow_seconds"])


def within(allowed: range, number: int) -> int:
    if number not in allowed:
        text = gettext("Enter a number from %(least)d to %(most)d.")
        raise forms.ValidationError(text % {"least": allowed[0], "most": allowed[-1]})
    return number


def _url_help(channel: AlertChannel) -> str:
    if channel.pk is None:
        return str(URL_HELP)
    kept = gettext("Now %(url)s; empty: it stays.") % {"url": channel.shown_url}
    return f"{URL_HELP} {kept}"
