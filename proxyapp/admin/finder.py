"""What Ctrl-K finds: keys, groups, client tokens and pages, of what the operator may see."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from proxyapp.access.token_book import token_hash
from proxyapp.access.token_store import secret_keys
from proxyapp.models import ApiKey, ClientToken, Group
from proxyapp.models.sealed import keyed_hashes

MOST_OF_A_KIND = 8
# As the form's; what is longer names nothing.
MOST_CHARACTERS = 200
# A key or a token is longer than this: shorter texts are not hashed.
LEAST_SECRET = 16
OTHER_PAGES = (
    (gettext_lazy("Add many keys"), "admin:proxyapp_apikey_bulk_add", "proxyapp.add_apikey"),
    (
        gettext_lazy("Add a client token"),
        "admin:proxyapp_clienttoken_add",
        "proxyapp.add_clienttoken",
    ),
    (gettext_lazy("Quota"), "admin:quota", "proxyapp.view_hourlyusage"),
    (gettext_lazy("Which key would answer"), "admin:explain", "proxyapp.view_apikey"),
    (gettext_lazy("Change password"), "admin:password_change", ""),
    (gettext_lazy("Second factor"), "second_factor_set_up", ""),
)


@dataclass(frozen=True, slots=True)
class FinderLine:
    title: str
    detail: str
    url: str
    icon: str


@require_POST
def find_view(request: HttpRequest) -> HttpResponse:
    """The text comes in a body: it may be a whole key, and addresses are logged."""
    text = request.POST.get("text", "").replace("\0", "")[:MOST_CHARACTERS].strip()
    found = chain(_pages(request, text), _rows(request, text) if text else ())
    return JsonResponse({"found": [asdict(one) for one in found]})


def _pages(request: HttpRequest, text: str) -> Iterator[FinderLine]:
    wanted = text.casefold()
    for title, url, icon in chain(_sidebar(request), _others(request)):
        if wanted in title.casefold():
            yield FinderLine(title, _("page"), url, icon)


def _sidebar(request: HttpRequest) -> Iterator[tuple[str, str, str]]:
    site: Any = admin.site
    for group in site.get_sidebar_list(request):
        for item in group["items"]:
            if item["has_permission"]:
                yield str(item["title"]), str(item["link"]), item.get("icon", "")


def _others(request: HttpRequest) -> Iterator[tuple[str, str, str]]:
    for title, name, permission in OTHER_PAGES:
        if not permission or request.user.has_perm(permission):
            yield str(title), reverse(name), "article"


def _rows(request: HttpRequest, text: str) -> Iterator[FinderLine]:
    allowed = request.user.has_perm
    if allowed("proxyapp.view_apikey"):
        keys = ApiKey.objects.select_related("group").only("name", "masked", "group__name")
        for key in _first(keys, _key(text)):
            yield _found(key, _("key of %(group)s") % {"group": key.group.name}, "key")
    if allowed("proxyapp.view_group"):
        for group in _first(Group.objects.only("name"), Q(name__icontains=text)):
            yield _found(group, _("group"), "folder_open")
    if allowed("proxyapp.view_clienttoken"):
        for token in _first(ClientToken.objects.only("name", "masked"), _token(text)):
            yield _found(token, _("client token"), "badge")


def _first(rows: QuerySet[Any], wanted: Q) -> Iterator[Any]:
    return iter(rows.filter(wanted).order_by("pk")[:MOST_OF_A_KIND])


def _key(text: str) -> Q:
    named = Q(name__icontains=text) | Q(masked__icontains=text) | Q(project__icontains=text)
    return named | Q(key_hash__in=keyed_hashes(text)) if len(text) >= LEAST_SECRET else named


def _token(text: str) -> Q:
    named = Q(name__icontains=text) | Q(masked__icontains=text)
    if len(text) < LEAST_SECRET:
        return named
    return named | Q(token_hash__in=[token_hash(text, secret) for secret in secret_keys()])


def _found(row: Model, detail: str, icon: str) -> FinderLine:
    opts = row._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
    return FinderLine(str(row), capfirst(detail), url, icon)
