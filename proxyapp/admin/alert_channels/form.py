"""The form of a channel. Its URL has tokens in it: it is only written."""

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

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

URL_HELP = (
    "Of Apprise, such as slack://…, mailtos://… or ntfys://…: github.com/caronc/apprise/wiki says"
    " how each service's is made. It is kept encrypted and never shown again."
)


class ChannelForm(ModelForm[AlertChannel]):
    """`url_problem`: what the library said of the URL before the form's transaction began."""

    url_problem = ""
    new_url = forms.CharField(widget=WriteOnlyInput, label="URL", required=False)
    kinds = forms.MultipleChoiceField(
        choices=list(KINDS.items()),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None of them: all, and what later versions add.",
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
            is_known = self.instance.pk is not None
            kept = f" Now {self.instance.shown_url}; empty: it stays." if is_known else ""
            self.fields["new_url"].help_text = URL_HELP + kept

    def hidden_values(self) -> Mapping[str, HiddenValue]:
        return {"new_url": HiddenValue(self.instance.url or "", self.instance.shown_url)}

    def clean_name(self) -> str:
        return refuse_if(check_group_name, self.cleaned_data["name"].strip(), "The name")

    def clean_new_url(self) -> str:
        url: str = self.cleaned_data["new_url"].strip()
        if not url:
            if self.instance.pk is None:
                raise forms.ValidationError("Enter where alerts are to go.")
            return ""
        refuse_if(check_alert_url, url, "The URL")
        if self.url_problem:
            raise forms.ValidationError(self.url_problem)
        return url

    def clean_kinds(self) -> str:
        return ",".join(self.cleaned_data["kinds"])

    def clean_quiet_hours(self) -> str:
        return refuse_if(check_hours, self.cleaned_data["quiet_hours"].strip(), "The hours")

    def clean_time_zone(self) -> str:
        return refuse_if(check_zone, self.cleaned_data["time_zone"].strip(), "The zone")

    def clean_error_percent(self) -> int:
        return within(PERCENTS, self.cleaned_data["error_percent"])

    def clean_slow_seconds(self) -> int:
        return within(SECONDS, self.cleaned_data["slow_seconds"])


def within(allowed: range, number: int) -> int:
    if number not in allowed:
        raise forms.ValidationError(f"Enter a number from {allowed[0]} to {allowed[-1]}.")
    return number
