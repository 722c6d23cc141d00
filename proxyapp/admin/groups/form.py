"""The form of a group."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.groups.exit_lines import ExitsForm
from proxyapp.admin.groups.field_inputs import (
    AuthInput,
    CertificatesField,
    CertificatesInput,
    Switch,
)
from proxyapp.admin.groups.field_texts import AUTHS, POLICIES, explained, shown_proxy, trusted
from proxyapp.admin.parts.limit_fields import LimitsForm
from proxyapp.admin.parts.model_lines import ModelLinesField, refuse_lines
from proxyapp.admin.parts.pooled import WriteOnlyInput, refuse_if
from proxyapp.admin.parts.unfold_typed import Checkbox
from proxyapp.admin.parts.versioned import HiddenValue
from proxyapp.models import Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.operators.key_destinations import Destination, destination_of, place_of
from proxyapp.operators.redirects import refusal
from proxyapp.vocabulary.addresses import LEADS_BACK, Listening, leads_to
from proxyapp.vocabulary.auth_places import check_auth
from proxyapp.vocabulary.checks import (
    check_group_name,
    check_proxy_url,
    check_target_url,
    proxies,
    targets,
)
from proxyapp.vocabulary.choices import (
    POLICY_OF_NEW_GROUPS,
)
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.model_lists import (
    alias_lines,
    aliases_of_lines,
    fallback_lines,
    fallbacks_of_lines,
    model_lines,
    models_of_lines,
    problems_of_group,
    said_of,
)

NUMBERS = [field.name for field in GROUP_FIELDS if field.sort == "number" and not field.is_optional]
# What is on unless somebody turns it off: of another box nothing sent means off, as everywhere.
SWITCHES = [field.name for field in GROUP_FIELDS if field.sort == "flag" and field.default]
LINES: dict[str, Callable[[Any], list[str]]] = {
    "models": model_lines,
    "aliases": alias_lines,
    "fallbacks": fallback_lines,
}
# Under which names the form takes what it never shows as it is.
INPUTS = {"proxy_url": "new_proxy_url", "proxy_pool": "new_proxy_pool"}
LINK_LOCAL = gettext_lazy("Allow link-local and metadata addresses")


class GroupForm(ExitsForm, LimitsForm[Group]):
    """`may_redirect`: whether its user may send keys that are there to another host or proxy.

    `own_addresses`: where the gateway listens.
    """

    may_redirect = False
    own_addresses: Sequence[Listening] = ()
    new_proxy_url = forms.CharField(
        widget=WriteOnlyInput, label=gettext_lazy("Proxy URL"), required=False
    )
    remove_proxy = forms.BooleanField(
        widget=Checkbox,
        required=False,
        label=gettext_lazy("Remove proxy"),
        help_text=gettext_lazy("Connect to the target directly from now on."),
    )

    ca_certificates = CertificatesField(
        widget=CertificatesInput({"rows": 4, "spellcheck": "false"}),
        required=False,
        label=gettext_lazy("CA certificates"),
    )

    models = ModelLinesField("gemini-*", label=gettext_lazy("Models"))
    aliases = ModelLinesField("fast: gemini-2.5-flash", label=gettext_lazy("Aliases"))
    fallbacks = ModelLinesField("gemini-2.5-pro: gemini-2.5-flash", label=gettext_lazy("Fallbacks"))

    class Meta:
        model = Group
        fields = ["position", *(field.name for field in GROUP_FIELDS if field.name not in INPUTS)]
        labels = {"target_url": gettext_lazy("Target URL"), "allow_link_local": LINK_LOCAL}
        widgets = {**dict.fromkeys(SWITCHES, Switch), "auth": AuthInput({"list": "ways-of-auth"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("instance") is None:
            given = kwargs.get("initial") or {}
            kwargs["initial"] = {"rate_limit_policy": POLICY_OF_NEW_GROUPS, **given}
        super().__init__(*args, **kwargs)
        for name, lines in LINES.items():
            self.initial[name] = "\n".join(lines(getattr(self.instance, name)))
        self.destination = destination_of(self.instance)
        self._explain()
        for name in NUMBERS:
            if name in self.fields:
                self.fields[name].required = False
        proxy = self.fields["new_proxy_url"]
        proxy.help_text = _(
            "Such as socks5://user:password@host:1080; http, https, socks5 or socks5h. Never shown"
            " again."
        )
        if self.instance.proxy_url is not None:
            proxy.label = _("Replace the proxy URL")
            now = {"now": shown_proxy(self.instance)}
            proxy.help_text = _("Now: %(now)s. Leave empty to keep it.") % now
        else:
            del self.fields["remove_proxy"]

    def _explain(self) -> None:
        """Who may only look has no such fields, and the list only that of the position."""
        reset = {"reset": f"{settings.RATE_LIMIT_RESET_TIME} {settings.RATE_LIMIT_RESET_TZ}"}
        texts = {
            "rate_limit_policy": explained(
                {name: str(text) % reset for name, text in POLICIES.items()}
            ),
            "auth": explained(AUTHS),
            **{name: getattr(Group._meta.get_field(name), "help_text", "") for name in LINES},
            "target_url": _(
                "A path is put in front of the path of every request. {project} and {location}"
                " stand for each key's own."
            ),
            "ca_certificates": trusted(self.instance),
            "allow_link_local": _(
                "Else the gateway connects to no link-local address and no metadata service, where"
                " the machine's own credentials are."
            ),
        }
        for name, text in texts.items():
            if name in self.fields:
                self.fields[name].help_text = text

    def clean_name(self) -> str:
        return refuse_if(check_group_name, self.cleaned_data["name"], _("The name"))

    def clean_auth(self) -> str:
        return refuse_if(check_auth, self.cleaned_data["auth"].strip(), _("The way to sign in"))

    def clean_target_url(self) -> str:
        url = refuse_if(check_target_url, self.cleaned_data["target_url"], _("The target URL"))
        if any(leads_to(url, address) for address in self.own_addresses):
            raise ValidationError(_("The target URL %(problem)s.") % {"problem": _(LEADS_BACK)})
        return url

    def clean_new_proxy_url(self) -> str:
        value: str = self.cleaned_data["new_proxy_url"]
        return refuse_if(check_proxy_url, value, _("The proxy URL")) if value else value

    def clean_models(self) -> list[str]:
        return models_of_lines(self.cleaned_data["models"])

    def clean_aliases(self) -> dict[str, str]:
        return refuse_lines(aliases_of_lines, self.cleaned_data["aliases"])

    def clean_fallbacks(self) -> dict[str, list[str]]:
        return refuse_lines(fallbacks_of_lines, self.cleaned_data["fallbacks"])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._leave_what_was_not_sent()
        self._refuse_models()
        self._refuse_link_local()
        if self.cleaned_data.get("new_proxy_url") and self.cleaned_data.get("remove_proxy"):
            raise ValidationError(_("Replace the proxy or remove it, not both."))
        self.take_exits(self.cleaned_data.get("new_proxy_url") or self._kept_proxy())
        self._refuse_redirection()
        return cleaned

    def _leave_what_was_not_sent(self) -> None:
        """As it was: an empty number, and a switch of which a script's form says nothing."""
        given = self.cleaned_data
        for name in [*NUMBERS, *SWITCHES, *LINES, "strategy", "spill_after"]:
            is_sent = name in NUMBERS or self.add_prefix(name) in self.data
            is_empty = given.get(name) is None and name != "spill_after"
            if name in given and (is_empty or not is_sent):
                given[name] = getattr(self.instance, name)

    def _refuse_models(self) -> None:
        given = self.cleaned_data
        found = problems_of_group(
            given.get("models", []), given.get("aliases", {}), given.get("fallbacks", {})
        )
        for name, problems in found.items():
            for text in said_of(problems):
                self.add_error(name if name in self.fields else None, text)

    def hidden_values(self) -> dict[str, HiddenValue]:
        proxy = HiddenValue(self.instance.proxy_url or "", shown_proxy(self.instance))
        return {"new_proxy_url": proxy, "new_proxy_pool": self.hidden_exits()}

    def _refuse_redirection(self) -> None:
        if self.may_redirect or self.instance.pk is None or self._wanted() == self.destination:
            return
        if count := self.instance.keys.count():
            raise ValidationError(refusal(count, _("of this group")))

    def _wanted(self) -> Destination:
        given, before = self.cleaned_data, self.destination
        target = given.get("target_url")
        return Destination(
            place_of(target) if target else before.place,
            given.get("new_proxy_url") or self._kept_proxy(),
            given.get("ca_certificates", before.certificates),
            given.get("allow_link_local", before.allows_link_local),
            given.get("new_proxy_pool", before.exits),
        )

    def _kept_proxy(self) -> str | None:
        return None if self.cleaned_data.get("remove_proxy") else self.destination.proxy

    def _refuse_link_local(self) -> None:
        """The proxy that stays is looked at too."""
        is_allowed = bool(self.cleaned_data.get("allow_link_local"))
        kept = "" if self.cleaned_data.get("remove_proxy") else self.instance.proxy_url
        proxy = self.cleaned_data.get("new_proxy_url") or kept
        checks = [("target_url", self.cleaned_data.get("target_url"), targets(is_allowed))]
        checks += [("new_proxy_url", proxy, proxies(is_allowed))] if proxy != UNREADABLE else []
        for name, value, check in checks:
            if value and name in self.fields and (problem := check(value)):
                self.add_error(name, _("The host %(problem)s.") % {"problem": problem})
