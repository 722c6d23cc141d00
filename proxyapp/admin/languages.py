"""The language of the admin's pages, which the browser says or its reader has chosen.

All else that a process does stays in English: what programs get, what it logs and what it keeps.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

from proxyapp.vocabulary.languages import PLAIN, language_of

PAGES = "/admin"
PROGRAMS = "/admin/api/"
DEPENDS_ON = ("Accept-Language", "Cookie")


class PageLanguage:
    """For a page with all of its errors: outside of what may refuse it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_page(request.path_info):
            with translation.override(PLAIN):
                return self._get_response(request)
        with translation.override(language_of(request)):
            response = self._get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or PLAIN)
        patch_vary_headers(response, DEPENDS_ON)
        return response


def is_page(path: str) -> bool:
    return path.startswith(PAGES) and not path.startswith(PROGRAMS)
