"""The selected keys as a config file: masked, or with the keys for those who may see them."""

from collections.abc import Collection

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from proxyapp.admin.keys.actions import Pages, ids_of
from proxyapp.admin.parts.download import may_export_secrets
from proxyapp.config.exporting import Export, export_of
from proxyapp.models import ApiKey, Group, audit
from proxyapp.models.key_state import key_batches

# A message stays a message: a selection of unreadable keys has one problem for each.
MAX_SHOWN_PROBLEMS = 20


@admin.action(description=gettext_lazy("Export (YAML)"), permissions=["export"])
def export_keys(pages: Pages, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse:
    mask = not may_export_secrets(request)
    ids = ids_of(queryset)
    name = f"gateway-keys-{timezone.now():%Y-%m-%d}{'-masked' if mask else ''}.yaml"
    if not mask:
        chosen = (key for keys in key_batches(ids) for key in keys.defer("secret"))
        audit.record(audit.operator(request.user), "export", chosen, "in clear")
    export = exported(ids, mask=mask)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(
        _complaint(export) + export.text, "application/yaml; charset=utf-8", headers=headers
    )


def exported(ids: Collection[int], *, mask: bool) -> Export:
    """These keys only, and the groups that they are in."""
    keys = [key for batch in key_batches(ids) for key in (batch.defer("secret") if mask else batch)]
    return export_of(Group.objects.filter(pk__in={key.group_id for key in keys}), keys, mask=mask)


def _complaint(export: Export) -> str:
    """What is not in the file stands above it."""
    if not export.unreadable:
        return ""
    shown = export.unreadable[:MAX_SHOWN_PROBLEMS]
    if rest := len(export.unreadable) - len(shown):
        shown.append(f"and {rest} more")
    lines = "".join(f"#   {' '.join(line.split())}\n" for line in shown)
    return f"# INCOMPLETE: the present SECRET_KEY cannot read\n{lines}"
