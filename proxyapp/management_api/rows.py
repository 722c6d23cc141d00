"""Rows as the API shows them. None has a secret: keys and proxies are masked."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from proxyapp.config.one_row import is_closed
from proxyapp.management_api.given import LARGEST_ID
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.models import ApiKey, Group
from proxyapp.models.key_state import key_batches
from proxyapp.operators.group_switch import standing_of
from proxyapp.operators.key_report import key_report
from proxyapp.vocabulary.exits import exit_lines, shown_exit
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.times import iso_utc
from proxyapp.vocabulary.urls import shown_url

OF_KEY = ("project", "priority", "weight", "limits", "max_concurrent", "status_reason")
Row = TypeVar("Row", bound=Model)


def found(rows: type[Row] | QuerySet[Row], pk: int) -> Row:
    """Raises ApiRefusal."""
    among = rows if isinstance(rows, QuerySet) else rows._default_manager.all()
    row = among.filter(pk=pk).first() if pk <= LARGEST_ID else None
    if row is None:
        raise ApiRefusal(404, f"There is no {among.model._meta.verbose_name} {pk}.")
    return row


def group_named(name: str) -> Group:
    """Raises ApiRefusal."""
    group = Group.objects.filter(name__iexact=name.strip()).first()
    if group is None:
        raise ApiRefusal(
            422, "Nothing was changed: see errors.", [("group", "there is none so named")]
        )
    return group


def key_page(keys: QuerySet[ApiKey], size: int) -> dict[str, Any]:
    ids = list(keys.order_by("pk").values_list("pk", flat=True)[: size + 1])
    more = ids[size - 1] if len(ids) > size else None
    return {"items": keys_json(ids[:size]), "next": more}


def keys_json(ids: Sequence[int]) -> list[dict[str, Any]]:
    """In the order of the ids."""
    further: dict[int, dict[str, Any]] = {}
    shown: dict[int, dict[str, Any]] = {}
    for keys in key_batches(ids):
        further |= {row.pop("id"): row for row in keys.values("id", *OF_KEY)}
        shown |= {row.id: row.as_json() for row in key_report(keys, timezone.now())}
    return [shown[pk] | further[pk] for pk in ids if pk in shown]


def group_json(group: Group, keys: int) -> dict[str, Any]:
    """Settings as in config.yaml; proxies without their passwords."""
    settings = {one.name_in_file: one.in_file(getattr(group, one.name)) for one in GROUP_FIELDS}
    settings["proxy_url"] = None if group.proxy_url is None else _proxy(group)
    settings["proxy_pool"] = _exits(group)
    since = group.single_credential_since
    return {
        "id": group.pk,
        "position": group.position,
        **settings,
        "keys": keys,
        "state": standing_of(group, timezone.now()),
        "off_until": iso_utc(group.off_until) if group.off_until else None,
        "single_credential_since": iso_utc(since) if since else None,
    }


def _proxy(group: Group) -> str:
    return "unreadable" if is_closed(group, "proxy_url") else shown_url(group.proxy_url)


def _exits(group: Group) -> list[str] | None:
    if group.proxy_pool is None:
        return None
    if is_closed(group, "proxy_pool"):
        return ["unreadable"]
    return [shown_exit(url) for url in exit_lines(group.proxy_pool)]
