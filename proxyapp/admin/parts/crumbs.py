"""Where a page stands: what is above it, and its own heading."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.template import Context, Library
from django.urls import reverse

from proxyapp.admin.parts.script_words import script_words
from proxyapp.admin.records.audit_words import ACTIONS, word
from proxyapp.operators.shown_words import message_word
from proxyapp.vocabulary.shown_times import day_text, minute_text, second_text

register = Library()
register.simple_tag(script_words)
register.filter("day", day_text)
register.filter("message", message_word)
register.filter("minute", minute_text)
register.filter("second", second_text)
register.filter("done", partial(word, ACTIONS))

Crumb = tuple[str, str]
"""What a page is called, and where it is."""


@register.inclusion_tag("admin/crumbs.html", takes_context=True)
def page_crumbs(context: Context) -> dict[str, Any]:
    opts = context.get("opts")
    title = context.get("content_title") or context.get("title") or ""
    if opts is None or context.get("cl") is not None:
        return {"above": [], "heading": context.get("title") or title, "cl": context.get("cl")}
    row = context.get("original") or context.get("object")
    above = [_list_of(opts)]
    if not isinstance(row, Model):
        return {"above": above, "heading": title}
    if "adminform" in context:
        return {"above": above, "heading": str(row)}
    return {"above": [*above, _page_of(row)], "heading": title}


def _list_of(opts: Any) -> Crumb:
    pages = admin.site._registry.get(opts.model)
    called = getattr(pages, "called", None)
    heading = called.heading if called else str(opts.verbose_name_plural)
    return heading, reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")


def _page_of(row: Model) -> Crumb:
    opts = row._meta
    return str(row), reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
