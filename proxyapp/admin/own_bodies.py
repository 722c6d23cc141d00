"""How much of a body the gateway's own paths take: none, or in the admin what its forms need.

Strangers have the log-in's form only; who is signed in is looked up before more is read.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import Error as DatabaseError
from django.http import HttpResponse

from proxyapp.access import operator_tokens
from proxyapp.access.second_factor import VERIFIED, is_enough
from proxyapp.access.session_rules import has_run_out
from proxyapp.access.session_store import SessionStore
from proxyapp.database.outage import NoAnswer
from proxyapp.database.thread import DatabaseThread
from proxyapp.models import SecondFactor
from proxyapp.vocabulary.asgi import Receive, Scope
from proxyapp.vocabulary.client_paths import Dialect
from proxyapp.vocabulary.errors import error_body
from proxyapp.vocabulary.sizes import MIB

STRANGERS_BYTES = 8 * 1024
FORM_BYTES = 1 << 20
# A file of 100,000 keys, in a form that escapes it.
IMPORT_BYTES = 16 << 20
API_PATH = b"/admin/api/"
IMPORT_PATHS = (b"/admin/import-export/", b"/admin/proxyapp/apikey/bulk-add/")
# For all of it; an import may come over a slow line.
FORM_SECONDS, IMPORT_SECONDS = 20.0, 120.0
LOOK_SECONDS = 5.0
# With one connection for all of them: a look is what strangers may cause, too.
_looks = DatabaseThread("admin-forms")


class BodyRefused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self) -> HttpResponse:
        """It closes the connection: what is still to come is not read."""
        body = error_body(self.status, str(self), dialect=Dialect.GOOGLE)
        return HttpResponse(
            body,
            status=self.status,
            content_type="application/json",
            headers={"Connection": "close"},
        )


def announced_bytes(scope: Scope) -> int | None:
    """None: it comes in chunks, and may be of any length."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def refuse_body(scope: Scope) -> None:
    """Raises BodyRefused, before a byte of it is read."""
    if announced_bytes(scope) != 0:
        raise BodyRefused(413, "This path takes no body.")


async def with_form(scope: Scope, receive: Receive) -> Receive:
    """For the admin: its form is read here, within its limit and its time. Raises BodyRefused."""
    announced = announced_bytes(scope)
    if announced == 0:
        return receive
    limit, seconds = STRANGERS_BYTES, FORM_SECONDS
    if (announced is None or announced > limit) and await may_send_more(scope):
        limit = FORM_BYTES
        if scope["raw_path"] in IMPORT_PATHS:
            limit, seconds = IMPORT_BYTES, IMPORT_SECONDS
    if announced is not None and announced > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            first = await _read(receive, limit)
    except TimeoutError:
        raise BodyRefused(408, "The form did not arrive in time.") from None
    return Replayed(first, receive)


async def _read(receive: Receive, limit: int) -> dict[str, Any]:
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return message
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return {"type": "http.request", "body": b"".join(parts), "more_body": False}


class Replayed:
    """What was read, and then what comes."""

    def __init__(self, first: dict[str, Any], receive: Receive) -> None:
        self._first: dict[str, Any] | None = first
        self._receive = receive

    async def __call__(self) -> dict[str, Any]:
        first, self._first = self._first, None
        return first if first is not None else await self._receive()


def _too_large(limit: int) -> BodyRefused:
    return BodyRefused(
        413,
        f"The form is larger than {limit / MIB:g} MiB ({limit} bytes), the limit here; a larger one"
        " is taken from who is signed in, and larger imports by `manage.py import_config`.",
    )


async def may_send_more(scope: Mapping[str, object]) -> bool:
    """Raises BodyRefused when nobody can say."""
    raw_path = scope["raw_path"]
    assert isinstance(raw_path, bytes)  # noqa: S101
    if raw_path.startswith(API_PATH):
        return await _look(operator_tokens.is_good, _authorization(scope))
    return await is_signed_in(scope)


async def _look(is_one: Callable[[str], bool], shown: str) -> bool:
    def look() -> bool:
        return is_one(shown)

    try:
        try:
            return await _looks.read(look, LOOK_SECONDS)
        except NoAnswer:  # an idle connection that a firewall forgot: the next is a new one
            return await _looks.read(look, LOOK_SECONDS)
    except DatabaseError:
        raise BodyRefused(503, "The database is away: send the form again later.") from None


def _authorization(scope: Mapping[str, object]) -> str:
    headers = scope["headers"]
    assert isinstance(headers, list)  # noqa: S101
    found = (value for name, value in headers if name == b"authorization")
    return next(found, b"").decode("latin-1")


async def is_signed_in(scope: Mapping[str, object]) -> bool:
    """By the session's row, with the second factor if there is one: a cookie alone says nothing."""
    key = _session_key(scope)
    return bool(key) and await _look(_is_open, key)


def _session_key(scope: Mapping[str, object]) -> str:
    headers = scope["headers"]
    assert isinstance(headers, list)  # noqa: S101
    cookies = b"; ".join(value for name, value in headers if name == b"cookie")
    try:
        found = SimpleCookie(cookies.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return found.value if found else ""


def _is_open(key: str) -> bool:
    session = SessionStore(key)
    user_id = session.get(SESSION_KEY)
    if user_id is None or has_run_out(session, time.time()):
        return False
    factor_id = SecondFactor.objects.filter(user_id=user_id).values_list("pk", flat=True).first()
    return is_enough(factor_id, session.get(VERIFIED))
