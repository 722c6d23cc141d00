"""Whose session a page's form would be sent in: asked by the page before it sends what was typed.

Who is logged out meanwhile is led to the log-in, which the page sees, and keeps the form.
"""

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from proxyapp.admin.client_tokens.single_use_form import is_open


@never_cache
@require_GET
def page_session_view(request: HttpRequest) -> JsonResponse:
    """A log-in renews what protects the session's forms."""
    return JsonResponse(
        {
            "user": str(request.user.pk),
            "csrf": get_token(request),
            "knows_number": is_open(request, request.headers.get("x-form-number", "")),
        }
    )
