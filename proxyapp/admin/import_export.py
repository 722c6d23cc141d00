"""Takes a config file and gives one out: what would change is shown before it is done."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from proxyapp.admin.import_changes import fingerprint, parts
from proxyapp.admin.import_from import PeerImport, read_peer
from proxyapp.admin.import_upload import Upload, UploadForm
from proxyapp.admin.parts.carried_form import seal, unseal
from proxyapp.admin.parts.download import download, may_export_secrets
from proxyapp.admin.parts.redirects import may_redirect_keys
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.config.own_address import refuse_own_address
from proxyapp.config.report import Report
from proxyapp.models import audit
from proxyapp.operators.key_destinations import destinations, redirected
from proxyapp.operators.own_addresses import own_addresses
from proxyapp.operators.redirects import refusal
from proxyapp.pool.cursor import lock_pool

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
class Outcome:
    """`peer`: of a file of another gateway."""

    report: Report
    peer: PeerImport | None = None

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.report, self.peer.lines() if self.peer else ())


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
    upload = form.cleaned_data["upload"]
    try:
        outcome, _ = _import(request, upload)
    except ConfigError as error:
        return _page(request, form, problems=error.problems)
    return _changes(request, outcome, upload)


def _apply(request: HttpRequest) -> HttpResponse:
    content = unseal(request.POST["carried"], request.user.pk)
    if content is None:
        messages.error(request, _(TOO_OLD))
        return HttpResponseRedirect(reverse("admin:import_config"))
    upload = Upload.opened(content)
    try:
        outcome, is_as_shown = _import(request, upload)
    except ConfigError as error:
        return _page(request, UploadForm(), problems=error.problems)
    if not is_as_shown:
        messages.warning(request, _(MOVED_ON))
        return _changes(request, outcome, upload)
    words = {"groups": outcome.report.groups, "keys": outcome.report.keys}
    messages.success(request, _("Imported. Groups: %(groups)s. Keys: %(keys)s.") % words)
    return HttpResponseRedirect(reverse("admin:import_config"))


def _import(request: HttpRequest, upload: Upload) -> tuple[Outcome, bool]:
    """Whether it changed what was shown; if not, it changed nothing. Raises ConfigError."""
    # What takes long stands before the lock, for which requests may wait.
    work = _of_peer(request, upload) if upload.peer else _of_ours(request, upload)
    with transaction.atomic():
        lock_pool()
        before = {} if may_redirect_keys(request) else destinations()
        outcome = work()
        if before and (count := len(redirected(before, destinations()))):
            raise ConfigError([refusal(count, _("that the gateway already has"))])
        is_as_shown = outcome.fingerprint == upload.shown
        if not is_as_shown:
            transaction.set_rollback(True)
    return outcome, is_as_shown


def _of_peer(request: HttpRequest, upload: Upload) -> Callable[[], Outcome]:
    read = read_peer(request, upload)

    def work() -> Outcome:
        done = read.imported()
        return Outcome(done.applied.report, done)

    return work


def _of_ours(request: HttpRequest, upload: Upload) -> Callable[[], Outcome]:
    if upload.is_pruned and not may_prune(request):
        raise ConfigError([_(PRUNE_REFUSED)])
    config, by = parse(upload.text), audit.operator(request.user)
    if config.alerts is not None and not may_set_alerts(request):
        raise ConfigError([_(ALERTS_REFUSED)])
    refuse_own_address(config, own_addresses(request))

    def work() -> Outcome:
        prune = upload.is_pruned
        return Outcome(import_config(config, source=SOURCE, prune=prune, takes_out=False, by=by))

    return work


def _changes(request: HttpRequest, outcome: Outcome, upload: Upload) -> HttpResponse:
    report, peer = outcome.report, outcome.peer
    warnings = [*report.warnings, *report.doubts]
    context = {
        "report": report,
        "is_changed": peer.is_changed if peer else report.changed,
        "parts": [*parts(report), *(peer.parts() if peer else ())],
        "warnings": warnings[:MAX_WARNINGS],
        "more_warnings": max(len(warnings) - MAX_WARNINGS, 0),
        "is_pruned": upload.is_pruned,
        "carried": seal(replace(upload, shown=outcome.fingerprint).packed(), request.user.pk),
    }
    context |= peer.context() if peer else {}
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
