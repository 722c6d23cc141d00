"""What browsers may do with the gateway's own pages.

SECURITY.md says how the theme lives with it.
"""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
PERMISSIONS = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
)
PERMISSIONS_POLICY = ", ".join(f"{name}=()" for name in PERMISSIONS)
# For a page that is made before Django, and has nothing to load.
BARE_PAGE = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Permissions-Policy": PERMISSIONS_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store, private",
}


class PageHeaders(MiddlewareMixin):
    """The first of all, so that error pages and static files have them too; not what is proxied."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not request.path_info.startswith(("/admin", "/static")):
            return response
        if request.is_secure():  # the same gateway may speak HTTP on another port
            for cookie in response.cookies.values():
                cookie["secure"] = True
        response.headers.setdefault("Content-Security-Policy", policy(request))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if request.path_info.startswith("/admin"):
            forget(request, response)
        return response


def policy(request: HttpRequest) -> str:
    parts = {**POLICY, "connect-src": " ".join(["'self'", *own_socket(request)])}
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def own_socket(request: HttpRequest) -> list[str]:
    """Not every browser takes a socket of the same host for 'self'."""
    try:
        return [f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"]
    except DisallowedHost:
        return []


def forget(request: HttpRequest, response: HttpResponseBase) -> None:
    """Pages can show a key: no cache keeps one, and the Back button shows none after a log-out."""
    if "no-store" not in response.get("Cache-Control", ""):
        response.headers["Cache-Control"] = "no-store, private"
    if request.path == reverse("admin:logout") and request.method == "POST" and request.is_secure():
        response.headers["Clear-Site-Data"] = '"cache"'
