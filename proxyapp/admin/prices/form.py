"""The form of a price: a field for each number of its terms, by the words that lead to it."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from proxyapp.admin.parts.pooled import refuse_if
from proxyapp.admin.parts.unfold_typed import Checkbox, ModelForm
from proxyapp.models import ModelPrice
from proxyapp.vocabulary.model_lists import plain_name, unlike_pattern
from proxyapp.vocabulary.price_terms import (
    FREE,
    KINDS,
    MOST_ABOVE,
    MOST_PRICES,
    NEEDED,
    Terms,
    amount,
    are_terms,
    currencies,
    currency_of,
    in_currency,
    is_nothing,
    parts_of,
)

LABELS = {
    "input": gettext_lazy("Input"),
    "cached": gettext_lazy("Input from a cache"),
    "output": gettext_lazy("Output"),
    "thoughts": gettext_lazy("Thoughts"),
    "above": gettext_lazy("Above so many tokens"),
    "from": gettext_lazy("From this day on (UTC)"),
}
HELP = {
    "cached": gettext_lazy("Empty: as other input."),
    "thoughts": gettext_lazy("Empty: as other output."),
}
# What each part is of, and what tells that it is there.
PARTS: Mapping[str, tuple[str, ...]] = {
    "": (),
    "long": ("above",),
    "later": ("from",),
    "later_long": ("above",),
}


def _in(part: str, name: str) -> str:
    return f"{part}_{name}".removeprefix("_")


def names_of(part: str) -> list[str]:
    return [_in(part, name) for name in (*PARTS[part], *KINDS)]


class AmountOfMillion(forms.CharField):
    """Its value is an amount as terms have it; empty where nothing is said."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextInputWidget({"inputmode": "decimal"})
        super().__init__(required=False, max_length=20, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            return amount(text) if text else ""
        except ValueError as error:
            raise ValidationError(_("This %(problem)s.") % {"problem": error}) from None


def _field(name: str) -> forms.Field:
    label, help_text = LABELS[name], HELP.get(name, "")
    if name == "from":
        day = forms.DateInput({"type": "date", "class": " ".join(INPUT_CLASSES)}, "%Y-%m-%d")
        return forms.DateField(label=label, required=False, widget=day)
    if name == "above":
        widget = UnfoldAdminTextInputWidget({"inputmode": "numeric"})
        return forms.IntegerField(
            label=label, required=False, widget=widget, min_value=1, max_value=MOST_ABOVE
        )
    return AmountOfMillion(label=label, help_text=help_text)


class PriceForm(ModelForm[ModelPrice]):
    """`terms`: what the fields say together, once they were found sound."""

    free = forms.BooleanField(
        required=False,
        widget=Checkbox,
        label=gettext_lazy("Costs nothing"),
        help_text=gettext_lazy("Then it has no prices below."),
    )
    currency = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelectWidget, label=gettext_lazy("Currency")
    )
    locals().update(
        {
            _in(part, name): _field(name)
            for part, marks in PARTS.items()
            for name in (*marks, *KINDS)
        }
    )

    class Meta:
        model = ModelPrice
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance.terms if are_terms(self.instance.terms) else {}
        self.initial = {**self.initial, **fields_of_terms(kept)}
        if "currency" in self.fields:
            self._offer_currencies(kept)
        self.terms: Terms = {}

    def _offer_currencies(self, kept: Terms) -> None:
        """One that is the gateway's no more stays, until another is chosen."""
        names = currencies()
        if self.instance.pk is not None:
            self.initial["currency"] = currency_of(kept)
            names.append(self.initial["currency"])
        field = self.fields["currency"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(name, name) for name in dict.fromkeys(names)]

    def clean_name(self) -> str:
        return refuse_if(unlike_pattern, plain_name(self.cleaned_data["name"]), _("The model"))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk is None and ModelPrice.objects.count() >= MOST_PRICES:
            raise ValidationError(_("There are %(most)d prices already.") % {"most": MOST_PRICES})
        if not self.errors:
            self.terms = self._free() if self.cleaned_data["free"] else self._priced()
        return cleaned

    def _free(self) -> Terms:
        for name in (name for part in PARTS for name in names_of(part)):
            if self.cleaned_data[name]:
                self.add_error(name, _("What is free has no prices."))
        return FREE

    def _priced(self) -> Terms:
        return in_currency(self._part(""), self.cleaned_data.get("currency") or "")

    def _part(self, part: str) -> dict[str, Any]:
        terms = dict(self._given(part))
        for name in (*PARTS[part], *NEEDED):
            if name not in terms:
                self.add_error(_in(part, name), _("This is needed."))
        if not self.errors and is_nothing(terms):
            self.add_error(
                _in(part, "input"),
                _("This costs nothing: tick that above, in place of a price of 0."),
            )
        for inner in ("long", "later"):
            below = _in(part, inner)
            if below in PARTS and self._is_given(below):
                terms[inner] = self._part(below)
        return terms

    def _is_given(self, part: str) -> bool:
        """Or a part of it."""
        return any(any(self._given(each)) for each in PARTS if each.startswith(part))

    def _given(self, part: str) -> Iterator[tuple[str, Any]]:
        for name in (*PARTS[part], *KINDS):
            given = self.cleaned_data.get(_in(part, name))
            if given not in (None, ""):
                yield name, given.isoformat() if name == "from" else given


def fields_of_terms(terms: Terms) -> dict[str, Any]:
    """What the form begins with."""
    found: dict[str, Any] = {"free": bool(terms.get("free"))}
    for place, rates in parts_of(terms):
        part = place.replace(".", "_")
        found |= {_in(part, name): rates[name] for name in (*PARTS[part], *KINDS) if name in rates}
    if day := found.get("later_from"):
        found["later_from"] = date.fromisoformat(day)
    return found
