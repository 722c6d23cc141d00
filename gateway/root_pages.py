"""What stands at the gateway's root: a page with the addresses to copy, and the two files that
browsers and robots ask every host for.

They cost no key and tell a stranger no more than `/readyz`.
"""

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext, gettext_noop

import proxyapp
from proxyapp.admin.page_headers import BARE_PAGE
from proxyapp.forwarding.views import readiness
from proxyapp.vocabulary.languages import language_of
from proxyapp.vocabulary.told import shown

# Other methods of these paths are for an upstream, which may have something there.
READING = ("GET", "HEAD")
NAME = "Gemini Key Gateway"
ICON = Path(proxyapp.__file__).parent / "static/proxyapp/favicon.ico"
KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
# Where a request's own name is not to be repeated.
PLACEHOLDER = "YOUR-HOST"
HINT = gettext_noop(
    "Add the name that you use for this gateway to ALLOWED_HOSTS, and whole addresses stand here."
)


async def index(request: HttpRequest) -> HttpResponse:
    """HTML for browsers, JSON for others."""
    found, base = await readiness(), base_of(request)
    root = base or f"{request.scheme}://{PLACEHOLDER}{script_name(request)}"
    facts = {
        "name": NAME,
        "status": found.status,
        "problems": found.problems,
        "keys_available": found.keys["available"],
        "addresses": {"gemini": root, "openai": f"{root}/v1", "one_group": f"{root}/g/GROUP"},
        "admin": f"{root}/admin/",
        "ready": f"{root}/readyz",
        **({} if base else {"hint": HINT}),
    }
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        with translation.override(language_of(request)):
            response = HttpResponse(page_of(facts, script_name(request)), headers=BARE_PAGE)
    else:
        response = JsonResponse(facts, headers=BARE_PAGE)
    patch_vary_headers(response, ["Accept"])
    return response


def page_of(facts: dict[str, Any], here: str) -> str:
    words = {
        "here": here,
        "hint": gettext(HINT) if "hint" in facts else "",
        "problems": [shown(problem) for problem in facts["problems"]],
    }
    return render_to_string("index.html", facts | words)


async def favicon(request: HttpRequest) -> HttpResponse:
    return HttpResponse(icon(), content_type="image/x-icon", headers=KEPT)


async def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain", headers=KEPT)


def base_of(request: HttpRequest) -> str:
    """The address that the request itself came to; empty for a name that is none of the
    gateway's own, which whoever made the link may have chosen.
    """
    try:
        return f"{request.scheme}://{request.get_host()}{script_name(request)}"
    except DisallowedHost:
        return ""


def script_name(request: HttpRequest) -> str:
    return str(request.META.get("SCRIPT_NAME", "")).rstrip("/")


@functools.cache
def icon() -> bytes:
    return ICON.read_bytes()


ROOT_PAGES: dict[bytes, Callable[[HttpRequest], Awaitable[HttpResponse]]] = {
    b"/": index,
    b"/favicon.ico": favicon,
    b"/robots.txt": robots,
}
