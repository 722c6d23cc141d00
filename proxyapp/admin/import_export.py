"""Takes a config file and gives one out: what would change is shown before it is done."""

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from proxyapp.admin.import_changes import fingerprint, parts
from proxyapp.admin.parts.carried_form import seal, unseal
from proxyapp.admin.parts.download import download, may_export_secrets
from proxyapp.admin.parts.redirects import may_redirect_keys
from proxyapp.admin.parts.unfold_typed import Checkbox
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.config.own_address import refuse_own_address
from proxyapp.config.report import Report
from proxyapp.models import audit
from proxyapp.operators.key_destinations import destinations, redirected
from proxyapp.operators.own_addresses import own_addresses
from proxyapp.operators.redirects import refusal
from proxyapp.peers import seed
from proxyapp.peers.formats import format_of
from proxyapp.peers.source import Source
from proxyapp.pool.cursor import lock_pool
from proxyapp.vocabulary.sizes import mib

# Below Django's limit of a form (2.5 MB), also when the text goes on sealed to the next step.
MAX_BYTES = 1024 * 1024
MAX_WARNINGS = 20
# What came from here is told apart from what came from a file of the server. An upload is no new
# state of the one before: what it does not have stays, unless it is ticked that it goes.
SOURCE = Path("/admin/import-export")
TOO_OLD = gettext_noop(
    "The changes that you saw are an hour old or more, or were not shown to you. Choose the file"
    " again."
)
ALERTS_REFUSED = gettext_noop(
    "alerts: to say where messages go wants the rights to add, change and delete channels of"
    " alerts, which you do not have. Import without them, or ask an Admin."
)
PRUNE_REFUSED = gettext_noop(
    "prune: removing what the file does not have wants the rights to delete groups and API keys,"
    " which you do not have. Import without it, or ask an Admin."
)
MOVED_ON = gettext_noop(
    "Nothing was imported: the database has changed since. These are the changes now."
)


@dataclass(frozen=True, slots=True)
class Upload:
    """`shown`: the fingerprint of the changes that the operator has seen."""

    text: str
    is_pruned: bool
    shown: str = ""

    def packed(self) -> list[str | bool]:
        """Small enough for a form."""
        return [b64encode(zlib.compress(self.text.encode())).decode(), self.is_pruned, self.shown]

    @classmethod
    def opened(cls, content: list[Any]) -> "Upload":
        packed, is_pruned, shown = content
        return cls(zlib.decompress(b64decode(packed)).decode(), is_pruned, shown)


class UploadForm(forms.Form):
    file = forms.FileField(
        required=False,
        widget=UnfoldAdminFileFieldWidget({"accept": ".yaml,.yml,.txt"}),
        label=gettext_lazy("Config file"),
        help_text=format_lazy(gettext_lazy("YAML, {size} MiB at most."), size=mib(MAX_BYTES)),
    )
    text = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            {"rows": 12, "spellcheck": "false", "autocomplete": "off"}
        ),
        label=gettext_lazy("… or its text"),
    )
    prune = forms.BooleanField(
        required=False,
        widget=Checkbox,
        label=gettext_lazy("Remove groups and keys that the file does not have"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The text has keys: the page never gives it back, whatever is wrong with it."""
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.format_value = lambda value: ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        if bool(file) == bool(text.strip()):
            raise forms.ValidationError(_("Choose a file or paste its text: one of the two."))
        size = (file.size or 0) if file else len(text.encode())
        if size > MAX_BYTES:
            raise forms.ValidationError(
                _(
                    "The config has %(size)s MiB; %(most)s MiB are allowed here. Import it on the"
                    " gateway's machine: `manage.py import_config FILE`."
                )
                % {"size": mib(size), "most": mib(MAX_BYTES)}
            )
        cleaned["config"] = _read(file) if file else text
        return cleaned


def _read(file: UploadedFile) -> str:
    try:
        return bytes(file.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise forms.ValidationError(_("The file is not UTF-8; save it as UTF-8.")) from None


def may_import(request: HttpRequest) -> bool:
    return request.user.has_perm("proxyapp.import_config")


def may_prune(request: HttpRequest) -> bool:
    return request.user.has_perms(["proxyapp.delete_group", "proxyapp.delete_apikey"])


def may_set_alerts(request: HttpRequest) -> bool:
    return request.user.has_perms(
        [f"proxyapp.{action}_alertchannel" for action in ("add", "change", "delete")]
    )


def may_see(request: HttpRequest) -> bool:
    return may_import(request) or request.user.has_perm("proxyapp.export_config")


def import_view(request: HttpRequest) -> HttpResponse:
    if not may_see(request):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, UploadForm())
    if not may_import(request):
        raise PermissionDenied
    return _apply(request) if "carried" in request.POST else _check(request)


def export_view(request: HttpRequest) -> HttpResponse:
    if not may_see(request):
        raise PermissionDenied
    return download(request, "config")


def _check(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form)
    upload = Upload(form.cleaned_data["config"], form.cleaned_data["prune"])
    try:
        report, _ = _import(request, upload)
    except ConfigError as error:
        return _page(request, form, problems=_of_another(upload.text) or error.problems)
    return _changes(request, report, upload)


def _of_another(text: str) -> list[str]:
    """What to do with a file of another gateway, whose fields are all unknown here."""
    try:
        peer = format_of(Source("upload", text.encode()))
    except ConfigError:
        return []
    problem = _(
        "This is a file of %(peer)s: on the gateway's machine `manage.py import_from auto FILE`"
        " takes it over."
    )
    return [problem % {"peer": peer}] if peer != seed.PEER else []


def _apply(request: HttpRequest) -> HttpResponse:
    content = unseal(request.POST["carried"], request.user.pk)
    if content is None:
        messages.error(request, _(TOO_OLD))
        return HttpResponseRedirect(reverse("admin:import_config"))
    upload = Upload.opened(content)
    try:
        report, is_as_shown = _import(request, upload)
    except ConfigError as error:
        return _page(request, UploadForm(), problems=error.problems)
    if not is_as_shown:
        messages.warning(request, _(MOVED_ON))
        return _changes(request, report, upload)
    words = {"groups": report.groups, "keys": report.keys}
    messages.success(request, _("Imported. Groups: %(groups)s. Keys: %(keys)s.") % words)
    return HttpResponseRedirect(reverse("admin:import_config"))


def _import(request: HttpRequest, upload: Upload) -> tuple[Report, bool]:
    """Whether it changed what was shown; if not, it changed nothing. Raises ConfigError."""
    if upload.is_pruned and not may_prune(request):
        raise ConfigError([_(PRUNE_REFUSED)])
    config, by = parse(upload.text), audit.operator(request.user)
    if config.alerts is not None and not may_set_alerts(request):
        raise ConfigError([_(ALERTS_REFUSED)])
    refuse_own_address(config, own_addresses(request))
    with transaction.atomic():
        lock_pool()
        before = {} if may_redirect_keys(request) else destinations()
        report = import_config(
            config, source=SOURCE, prune=upload.is_pruned, takes_out=False, by=by
        )
        if before and (count := len(redirected(before, destinations()))):
            raise ConfigError([refusal(count, _("that the gateway already has"))])
        is_as_shown = fingerprint(report) == upload.shown
        if not is_as_shown:
            transaction.set_rollback(True)
    return report, is_as_shown


def _changes(request: HttpRequest, report: Report, upload: Upload) -> HttpResponse:
    context = {
        "report": report,
        "parts": parts(report),
        "warnings": [*report.warnings, *report.doubts][:MAX_WARNINGS],
        "more_warnings": max(len(report.warnings) + len(report.doubts) - MAX_WARNINGS, 0),
        "is_pruned": upload.is_pruned,
        "carried": seal(replace(upload, shown=fingerprint(report)).packed(), request.user.pk),
    }
    return _response(
        request, "admin/proxyapp/import_changes.html", _("What the import would change"), context
    )


def _page(
    request: HttpRequest, form: UploadForm, problems: list[str] | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "problems": problems,
        "may_import": may_import(request),
        "may_export_secrets": may_export_secrets(request),
    }
    return _response(request, "admin/proxyapp/import.html", _("Import / export"), context)


def _response(
    request: HttpRequest, template: str, title: str, context: dict[str, Any]
) -> HttpResponse:
    return TemplateResponse(
        request, template, admin.site.each_context(request) | {"title": title} | context
    )
