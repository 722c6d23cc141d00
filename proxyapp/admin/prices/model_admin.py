"""Operators' own prices. Which count now the page of prices says."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.admin.prices.form import PriceForm, names_of
from proxyapp.models import ModelPrice
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.price_terms import shown_terms


@admin.register(ModelPrice)
class PriceAdmin(PooledAdmin[ModelPrice]):
    words = Words(_("price"), _("prices"), title=_("Prices"))
    form = PriceForm
    show_full_result_count = False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Own and published ones stand on one page."""
        return HttpResponseRedirect(reverse("admin:prices"))

    def get_fieldsets(self, request: HttpRequest, obj: ModelPrice | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": ("name", "cost")})]
        about = _("For a million tokens. What is empty has no price of its own.")
        return [
            (None, {"fields": ("name", "free", "currency", *names_of("")), "description": about}),
            (_("Long prompts"), {"fields": names_of("long")}),
            (_("From a later day on"), {"fields": names_of("later")}),
            (_("Long prompts from a later day on"), {"fields": names_of("later_long")}),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: ModelPrice | None = None
    ) -> tuple[str, ...]:
        if obj is None or self.has_change_permission(request, obj):
            return ()
        return ("name", "cost")

    def save_model(
        self, request: HttpRequest, obj: ModelPrice, form: ModelForm[ModelPrice], change: bool
    ) -> None:
        if isinstance(form, PriceForm):
            obj.terms = form.terms
        super().save_model(request, obj, form, change)

    def edited_columns(self, obj: ModelPrice, form: ModelForm[ModelPrice]) -> list[str]:
        return [*super().edited_columns(obj, form), "terms"]

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        """All fields but the name are the terms."""
        if name == "name" or not isinstance(form, PriceForm):
            return super().describe_edit(form, name, is_new=is_new)
        return f"terms: {shown_terms(form.terms)}"

    def touched(self, ids: Sequence[int]) -> Touched:
        return Touched(has_prices=True)

    @admin.display(description=_("price"))
    def cost(self, price: ModelPrice) -> str:
        return shown_terms(price.terms)
