"""What pages of records that are no list have in common: their frame, and fields to look by."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextInputWidget

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as LazyText

LONGEST = 200


def page(request: HttpRequest, name: str, context: Mapping[str, Any]) -> TemplateResponse:
    """`name`: of a template of admin/proxyapp/usage."""
    whole = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, f"admin/proxyapp/usage/{name}.html", whole)


def words(
    label: "str | LazyText", hint: "str | LazyText" = "", *, is_required: bool = False
) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"placeholder": hint} if hint else {})
    return forms.CharField(label=label, required=is_required, max_length=LONGEST, widget=widget)
