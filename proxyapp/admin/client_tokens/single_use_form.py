"""One form makes one token: when it is sent twice, as by a reload, nothing more is made.

The session keeps the numbers of the forms that were opened and not used yet. No token is ever in
it.
"""

import secrets

from django.http import HttpRequest

OPEN = "open_token_forms"
FIELD = "form_number"
# A session does not grow with the forms that nobody sends.
MOST_OPEN = 20


def open_form(request: HttpRequest) -> str:
    """Its number, which the form sends back."""
    number = secrets.token_urlsafe(12)
    request.session[OPEN] = [*request.session.get(OPEN, []), number][-MOST_OPEN:]
    return number


def sent_number(request: HttpRequest) -> str | None:
    """None: the form was used already, or is no form of this session."""
    number = request.POST.get(FIELD, "")
    return number if is_open(request, number) else None


def is_open(request: HttpRequest, number: str) -> bool:
    return number in request.session.get(OPEN, [])


def close_form(request: HttpRequest) -> None:
    still_open = request.session.get(OPEN, [])
    request.session[OPEN] = [number for number in still_open if number != request.POST.get(FIELD)]
