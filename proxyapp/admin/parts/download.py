"""Config files for download: masked, or with the keys for those who may (the audit log says so)."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from proxyapp.config.exporting import Export, export_groups
from proxyapp.models import Group, audit

# A message stays a message: a database of unreadable keys has one problem for each.
MAX_SHOWN_PROBLEMS = 20


def may_export_secrets(request: HttpRequest) -> bool:
    return request.user.has_perm("proxyapp.export_config") and request.user.has_perm(
        "proxyapp.view_secret"
    )


def download(
    request: HttpRequest, name: str, groups: QuerySet[Group] | None = None
) -> HttpResponse:
    """GET is answered masked. Only POST, which no link and no preview sends, gets the keys."""
    if request.method != "POST":
        return _file(export_groups(mask=True, groups=groups).text, f"{name}-masked.yaml")
    if not may_export_secrets(request):
        raise PermissionDenied
    by = audit.operator(request.user)
    audit.record_whole(
        by, "export", audit.CONFIG_FILE, label=f"download of {name}", detail="keys in clear"
    )
    return _file(_complained(export_groups(mask=False, groups=groups)), f"{name}.yaml")


def _complained(export: Export) -> str:
    """The text, under what is not in it."""
    if not export.unreadable:
        return export.text
    shown = export.unreadable[:MAX_SHOWN_PROBLEMS]
    if rest := len(export.unreadable) - len(shown):
        shown.append(f"and {rest} more")
    lines = "".join(f"#   {' '.join(line.split())}\n" for line in shown)
    return f"# INCOMPLETE: the present SECRET_KEY cannot read\n{lines}{export.text}"


def _file(text: str, name: str) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
