"""Which language a page speaks: what its browser has chosen, else prefers, else the setting's."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

PLAIN = "en"
"""What programs, logs, commands and the database are told in: settings.LANGUAGE_CODE."""


def language_of(request: HttpRequest) -> str:
    """Without a look at a session, so that an error page knows it as well."""
    cookie = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return chosen_language(cookie, request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


def chosen_language(cookie: str, accepted: str) -> str:
    """`accepted`: the header Accept-Language."""
    for wish in (cookie, *(name for name, _ in parse_accept_lang_header(accepted.lower()))):
        try:
            return get_supported_language_variant(wish)
        except LookupError:
            continue
    return str(settings.ADMIN_LANGUAGE)
