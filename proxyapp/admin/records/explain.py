"""The page that says which key would answer a request now, and why the others would not."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.records.page import page, words
from proxyapp.operators.explaining import AskedModel, Explanation, ModelStep, explain
from proxyapp.operators.explanation_texts import MOST_KEYS, counts_text, headline
from proxyapp.operators.key_reasons import KeyVerdict
from proxyapp.operators.token_report import UnclearToken, choose_tokens


class AskedForm(forms.Form):
    """A token may be pasted whole: it is sent in the body, and never given back."""

    model = words(_("Model"), is_required=True)
    group = words(_("Group (of /g/…/)"))
    token = words(_("Client token (id or name)"))

    def clean_token(self) -> int | None:
        token = self.cleaned_data["token"].strip()
        try:
            return choose_tokens([token])[0] if token else None
        except UnclearToken as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def wish(self) -> AskedModel:
        asked = self.cleaned_data
        return AskedModel(asked["model"], asked["group"].strip(), asked.get("token"))


def explain_view(request: HttpRequest) -> HttpResponse:
    """A link may name the model and the group; a token only the form."""
    if not request.user.has_perm("proxyapp.view_apikey"):
        raise PermissionDenied
    is_asked = request.method == "POST" or "model" in request.GET
    linked = {name: request.GET.get(name, "") for name in ("model", "group")}
    form = AskedForm((request.POST if request.method == "POST" else linked) if is_asked else None)
    if not request.user.has_perm("proxyapp.view_clienttoken"):
        del form.fields["token"]
    explanation = explain(form.wish) if is_asked and form.is_valid() else None
    if "token" in form.fields:
        form.fields["token"].widget.format_value = lambda value: ""
    context = {
        "title": gettext("Which key"),
        "form": form,
        **(_shown(explanation) if explanation else {}),
    }
    return page(request, "explain", context)


def _shown(explanation: Explanation) -> Mapping[str, Any]:
    answering = explanation.answering
    ends = [step.back_at for step in explanation.steps if step.back_at]
    return {
        "is_explained": True,
        "problem": explanation.problem,
        "barred": ", ".join(explanation.barred),
        "answering": answering,
        "back_at": local_time(min(ends)) if ends else "",
        "steps": [_step(step) for step in explanation.steps],
    }


def _step(step: ModelStep) -> Mapping[str, Any]:
    return {
        "headline": headline(step),
        "counts": counts_text(step),
        "lacking": ", ".join(step.lacking),
        "keys": [_key(verdict, step) for verdict in step.keys[:MOST_KEYS]],
        "more": max(len(step.keys) - MOST_KEYS, 0),
    }


def _key(verdict: KeyVerdict, step: ModelStep) -> Mapping[str, Any]:
    return {
        "verdict": verdict,
        "key": verdict.key,
        "is_next": verdict is step.next_key,
        "until": verdict.until and local_time(verdict.until),
    }
