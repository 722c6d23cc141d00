"""The form of a client token: what it allows. Whether that can be is judged by the store alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from proxyapp.access.budgets import BUDGETS
from proxyapp.access.token_store import LIMITS, Terms
from proxyapp.admin.parts.model_lines import ModelLinesField, refuse_lines
from proxyapp.admin.parts.store_refusals import refused_fields
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.models import ClientToken, Group
from proxyapp.vocabulary.model_lists import fallback_lines, fallbacks_of_lines
from proxyapp.vocabulary.money import AMOUNT, MOST_AMOUNT, currency, plain_amount, read_amount

ALL, SOME = "all", "some"
NEVER, AT = "never", "at"
PRESETS = {"30": _("In 30 days"), "90": _("In 90 days"), "365": _("In a year")}
FIELD_OF = {"allowed_models": "models", "expires_at": "expires_on", "__all__": "name"}
SHOWN_MINUTES = "%Y-%m-%dT%H:%M"


class AmountField(forms.CharField):
    """An amount of money; its value is in millionths."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextInputWidget({"inputmode": "decimal"})
        super().__init__(required=False, max_length=20, widget=widget, **kwargs)

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        if not AMOUNT.fullmatch(text.strip()):
            raise ValidationError(gettext("This must be an amount such as 5 or 2.50."))
        try:
            return read_amount(text)
        except ValueError:
            text = gettext("This must be more than 0 and at most %(most)s.")
            raise ValidationError(text % {"most": f"{MOST_AMOUNT:,}"}) from None


class ClientTokenForm(ModelForm[ClientToken]):
    """`refusal`: what the store said of these terms when it was asked to take them."""

    refusal: ValidationError | None = None

    reach = forms.ChoiceField(
        widget=UnfoldAdminRadioSelectWidget,
        label=_("May use"),
        choices=[
            (ALL, _("The keys of every group, also of groups that are made later")),
            (SOME, _("Only the keys of these groups")),
        ],
        initial=ALL,
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.defer("proxy_url", "proxy_pool"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
        label=_("Groups"),
        help_text=_(
            "A group that is deleted goes from here, too. A token whose last group is gone may use"
            " none."
        ),
    )
    models = forms.CharField(
        widget=UnfoldAdminTextareaWidget(
            {"rows": 3, "spellcheck": "false", "placeholder": "gemini-2.5-*"}
        ),
        required=False,
        label=_("Models"),
        help_text=_(
            "One name a line; * stands for any part, such as gemini-2.5-*. Empty: every model."
        ),
    )
    fallbacks = ModelLinesField(
        "gemini-2.5-pro: gemini-2.5-flash",
        label=_("Fallbacks"),
        help_text=_(
            "Which models are asked instead when no key is left for one, one a line:"
            " gemini-2.5-pro: gemini-2.5-flash. The answer's x-gateway-model names the one that"
            " was. Empty: none, but those of groups."
        ),
    )
    cost_per_day = AmountField(
        label=format_lazy(_("Budget a day ({currency})"), currency=lazy(currency, str)()),
        help_text=_("What it may cost, a day in UTC, such as 5.00. Empty: no budget."),
    )
    cost_per_month = AmountField(
        label=format_lazy(_("Budget a month ({currency})"), currency=lazy(currency, str)()),
        help_text=_(
            "A month in UTC. Models without a price count nothing: name the models above."
            " Empty: no budget."
        ),
    )
    lifetime = forms.ChoiceField(
        widget=UnfoldAdminRadioSelectWidget,
        label=_("Expires"),
        choices=[(NEVER, _("Never")), *PRESETS.items(), (AT, _("At this time"))],
        initial=NEVER,
    )
    expires_on = forms.DateTimeField(
        widget=forms.DateTimeInput(
            {"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}, SHOWN_MINUTES
        ),
        required=False,
        label=_("Expires at (UTC)"),
    )

    class Meta:
        model = ClientToken
        fields = ["name", "shared_resources", *LIMITS]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        token = self.instance
        if token.pk is None:
            return
        of_token: dict[str, Any] = {
            "reach": SOME if token.is_limited_to_groups else ALL,
            "groups": list(token.allowed_groups.defer("proxy_url", "proxy_pool")),
            "models": "\n".join(token.allowed_models),
            "fallbacks": "\n".join(fallback_lines(token.fallbacks)),
            **{name: _amount(getattr(token, name)) for name in BUDGETS},
            "lifetime": AT if token.expires_at else NEVER,
            "expires_on": token.expires_at and token.expires_at.replace(second=0, microsecond=0),
        }
        self.initial.update(of_token)

    def clean_fallbacks(self) -> dict[str, list[str]]:
        return refuse_lines(fallbacks_of_lines, self.cleaned_data["fallbacks"])

    def clean(self) -> dict[str, Any]:
        super().clean()
        for field, problem in self._problems():
            self.add_error(field, problem)
        return self.cleaned_data

    def _post_clean(self) -> None:
        """The row stays as it is: the store puts the terms into it, and checks them."""

    def terms(self, now: datetime) -> Terms:
        chosen = self.cleaned_data
        lines = chosen["models"].splitlines()
        return Terms(
            name=chosen["name"],
            groups=list(chosen["groups"]) if chosen["reach"] == SOME else None,
            models=[line for line in lines if line.strip()],
            fallbacks=chosen["fallbacks"],
            shared_resources=chosen["shared_resources"],
            expires_at=self._expiry(now),
            **{limit: chosen[limit] for limit in (*LIMITS, *BUDGETS)},
        )

    def _problems(self) -> Iterator[tuple[str | None, str | list[str]]]:
        chosen = self.cleaned_data
        if (
            chosen.get("reach") == SOME
            and not chosen.get("groups")
            and "groups" in chosen
            and not self._lost_its_groups()
        ):
            text = gettext("Choose one group or more, or let it use those of every group.")
            yield "groups", text
        if chosen.get("lifetime") == AT and "expires_on" in chosen:
            yield from self._problems_of_time(chosen["expires_on"])
        yield from refused_fields(self.refusal, self, FIELD_OF)

    def _problems_of_time(self, moment: datetime | None) -> Iterator[tuple[str, str]]:
        if moment is None:
            yield "expires_on", gettext("Say when, or choose another way to expire.")
        elif moment <= timezone.now() and not self._is_as_it_was(moment):
            yield "expires_on", gettext("This time is over. To end a token now, revoke it.")

    def _lost_its_groups(self) -> bool:
        """Such a token may be edited, and stays without a group until it is given one."""
        token = self.instance
        return token.pk is not None and token.is_limited_to_groups and not self.initial["groups"]

    def _is_as_it_was(self, moment: datetime) -> bool:
        """The page shows no seconds."""
        before: datetime | None = self.instance.expires_at
        return before is not None and f"{before:{SHOWN_MINUTES}}" == f"{moment:{SHOWN_MINUTES}}"

    def _expiry(self, now: datetime) -> datetime | None:
        lifetime = self.cleaned_data["lifetime"]
        if lifetime == NEVER:
            return None
        if lifetime != AT:
            return now.replace(second=0, microsecond=0) + timedelta(days=int(lifetime), minutes=1)
        moment: datetime = self.cleaned_data["expires_on"]
        return self.instance.expires_at if self._is_as_it_was(moment) else moment


def _amount(micros: int | None) -> str:
    return "" if micros is None else plain_amount(micros)
