"""`manage.py import_from` within the process of a test."""

import io
import json
from pathlib import Path
from typing import Any

from django.core.management import call_command

from proxyapp.models import ApiKey, ClientToken, Group


def import_from(peer: str, *files: Path | str, dry_run: bool = False) -> dict[str, Any]:
    """Its report."""
    out = io.StringIO()
    options = ["--json", *(["--dry-run"] if dry_run else [])]
    call_command("import_from", peer, *map(str, files), *options, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def keys_of(group: str) -> dict[str, str]:
    """The secrets, each with its status."""
    keys = ApiKey.objects.filter(group__name=group).order_by("position")
    return {key.secret or "": key.status for key in keys}


def everything() -> list[Any]:
    """What an import may change."""
    groups = Group.objects.order_by("pk").values_list("name", "target_url", "proxy_pool", "aliases")
    tokens = ClientToken.objects.order_by("pk").values_list("name", "token_hash")
    return [*groups, *tokens, *ApiKey.objects.order_by("pk").values_list("key_hash", "status")]


def left_out(report: dict[str, Any]) -> dict[str, str]:
    return {left["place"]: left["why"] for left in report["left_out"]}
