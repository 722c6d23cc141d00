"""The form of a group. What it says of a policy and of auth is what the gateway does."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from proxyapp.admin.pooled import WriteOnlyInput, refuse_if
from proxyapp.admin.typed import Checkbox, ModelForm
from proxyapp.allowed import check_group_name, check_proxy_url, check_target_url
from proxyapp.models import Auth, Group, RateLimitPolicy
from proxyapp.sealed import UNREADABLE

POLICIES: dict[str, str] = {
    RateLimitPolicy.DAILY: "any 429 takes the key out, for every model, until the next reset at {reset}.",
    RateLimitPolicy.QUOTA_AWARE: (
        "reads the provider's answer. After a limit by the minute it waits as long as the answer says, after a limit "
        "by the day until midnight in California, for that model and project alone; dead keys go out at once."
    ),
}
AUTHS: dict[str, str] = {
    Auth.AUTO: "google for *.googleapis.com, both for any other target.",
    Auth.GOOGLE: "one credential: Authorization: Bearer under /openai/, x-goog-api-key elsewhere.",
    Auth.BOTH: "both headers; a target that refuses two credentials gets one from then on.",
    Auth.X_GOOG_API_KEY: "always this header.",
    Auth.BEARER: "always Authorization: Bearer.",
}
SHARES = ("priority", "weight")


class GroupForm(ModelForm[Group]):
    new_proxy_url = forms.CharField(widget=WriteOnlyInput, label="Proxy URL", required=False)
    remove_proxy = forms.BooleanField(
        widget=Checkbox, required=False, help_text="Connect to the target directly from now on."
    )

    class Meta:
        model = Group
        fields = ["name", "position", "target_url", "rate_limit_policy", "auth", "priority", "weight"]
        labels = {"target_url": "Target URL"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._explain()
        for name in SHARES:
            if name in self.fields:
                self.fields[name].required = False
        proxy = self.fields["new_proxy_url"]
        proxy.help_text = "Such as socks5://user:password@host:1080; http, https, socks5 or socks5h. Never shown again."
        if self.instance.proxy_url is not None:
            proxy.label = "Replace the proxy URL"
            proxy.help_text = f"Now: {shown_proxy(self.instance)}. Leave empty to keep it."
        else:
            del self.fields["remove_proxy"]

    def _explain(self) -> None:
        """Who may only look has no such fields, and the list only that of the position."""
        reset = f"{settings.RATE_LIMIT_RESET_TIME} {settings.RATE_LIMIT_RESET_TZ}"
        texts = {
            "rate_limit_policy": explained({name: text.format(reset=reset) for name, text in POLICIES.items()}),
            "auth": explained(AUTHS),
            "target_url": "A path is put in front of the path of every request.",
        }
        for name, text in texts.items():
            if name in self.fields:
                self.fields[name].help_text = text

    def clean_priority(self) -> int:
        return self._or_as_it_was("priority")

    def clean_weight(self) -> int:
        return self._or_as_it_was("weight")

    def _or_as_it_was(self, name: str) -> int:
        value: int | None = self.cleaned_data[name]
        return getattr(self.instance, name) if value is None else value

    def clean_name(self) -> str:
        return refuse_if(check_group_name, self.cleaned_data["name"], "The name")

    def clean_target_url(self) -> str:
        return refuse_if(check_target_url, self.cleaned_data["target_url"], "The target URL")

    def clean_new_proxy_url(self) -> str:
        value: str = self.cleaned_data["new_proxy_url"]
        return refuse_if(check_proxy_url, value, "The proxy URL") if value else value

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("new_proxy_url") and self.cleaned_data.get("remove_proxy"):
            raise ValidationError("Replace the proxy or remove it, not both.")
        return cleaned


def explained(choices: dict[str, str]) -> SafeString:
    lines = format_html_join("", "<li><b>{}</b>: {}</li>", choices.items())
    return format_html('<ul class="choices-explained">{}</ul>', lines)


def shown_proxy(group: Group) -> str:
    if group.proxy_url == UNREADABLE:
        return "unreadable (it was encrypted with another SECRET_KEY)"
    return group.masked_proxy_url
