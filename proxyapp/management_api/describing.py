"""What describes the API: for programs (OpenAPI), and a page for people. Nothing comes from another
host.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext, override
from ninja import NinjaAPI

from proxyapp.access.operator_tokens import bearer_of
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import OperatorBearer
from proxyapp.vocabulary.languages import language_of


def openapi(request: HttpRequest, api: NinjaAPI) -> HttpResponseBase:
    _only_reading(request)
    if bearer_of(request.headers.get("authorization", "")) or not _is_signed_in(request):
        OperatorBearer()(request)
    return JsonResponse(described(request, api))


def page(request: HttpRequest, api: NinjaAPI) -> HttpResponseBase:
    _only_reading(request)
    if not _is_signed_in(request):
        return redirect_to_login(request.get_full_path(), "admin:login")
    with override(language_of(request)):
        return _page(request, described(request, api))


def _page(request: HttpRequest, schema: Mapping[str, Any]) -> HttpResponseBase:
    context = {"title": gettext("Management API"), "groups": list(_groups(schema))}
    site = admin.site.each_context(request)
    response = TemplateResponse(request, "admin/management_api.html", site | context)
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response.render()


def described(request: HttpRequest, api: NinjaAPI) -> Mapping[str, Any]:
    prefix = f"{request.META.get('SCRIPT_NAME', '')}/admin/api/"
    return api.get_openapi_schema(path_prefix=prefix)


def _only_reading(request: HttpRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise ApiRefusal(405, "This path is only read.")


def _is_signed_in(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


def _groups(schema: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """By the first word of the path, in the order in which they are declared."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            first = path.rpartition("/admin/api/")[2].partition("/")[0]
            found.setdefault(first, []).append(_operation(path, method, operation, schema))
    yield from found.items()


def _operation(
    path: str, method: str, operation: Mapping[str, Any], schema: Mapping[str, Any]
) -> Mapping[str, Any]:
    return {
        "method": method.upper(),
        "path": path,
        "summary": _sentences(operation),
        "rights": ", ".join(right.partition(".")[2] for right in operation.get("x-rights", [])),
        "takes": _takes(operation, schema),
    }


def _sentences(operation: Mapping[str, Any]) -> str:
    summary, description = operation["summary"], operation.get("description", "")
    if not description:
        return gettext(summary)
    named = {"summary": gettext(summary), "description": gettext(description)}
    return gettext("%(summary)s. %(description)s") % named


def _takes(operation: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Words of the API: no language has others."""
    query = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    kinds = (("query", query), ("body", _fields(operation, schema)))
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds if names)


def _fields(operation: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
    found = schema.get("components", {}).get("schemas", {}).get(name, {})
    return list(found.get("properties", {}))


PAGES: dict[str, Callable[[HttpRequest, NinjaAPI], HttpResponseBase]] = {
    "": page,
    "openapi.json": openapi,
}
