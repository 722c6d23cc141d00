"""The door of the management API: what is done before Django is asked, and how its code is found.

What the API needs is imported with its first request: a gateway without one does not pay for it.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from proxyapp.access.bad_tokens import Slowdown
from proxyapp.access.client_address import TrustedProxies
from proxyapp.management_api.problems import problem
from proxyapp.vocabulary.asgi import Application, Receive, Scope, Send
from proxyapp.vocabulary.errors import TooManyBadTokens

API_PATH = b"/admin/api/"
# For people who are signed in to the admin as well.
SHOWN_TO_SESSIONS = (API_PATH, b"/admin/api/openapi.json")


@csrf_exempt
def management_api(request: HttpRequest, rest: str) -> HttpResponseBase:
    """No form of another page reaches it: a session opens nothing but what describes it."""
    from proxyapp.management_api.application import answer

    return answer(request, rest)


class ApiDoor:
    """Belongs to one event loop."""

    def __init__(self, application: Application, trusted: TrustedProxies) -> None:
        self._application = application
        self._slowdown = Slowdown(trusted, "operator tokens")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`scope` as it came: who asks is told by it."""
        answer = SlowedAnswer(scope, send, self._slowdown)
        await self._application(without_session(scope), receive, answer)


class SlowedAnswer:
    """Lets a 401 wait where many come, and makes a 429 of it where too many do."""

    def __init__(self, scope: Scope, send: Send, slowdown: Slowdown) -> None:
        self._scope = scope
        self._send = send
        self._slowdown = slowdown
        self._is_replaced = False

    async def __call__(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] == 401:
            try:
                await self._slowdown.failed(self._scope)
            except TooManyBadTokens as refusal:
                self._is_replaced = True
                await self._refuse(refusal)
        if not self._is_replaced:
            await self._send(message)

    async def _refuse(self, refusal: TooManyBadTokens) -> None:
        response = problem(429, str(refusal), headers={"Retry-After": str(refusal.retry_after)})
        headers = [(k.lower().encode(), v.encode()) for k, v in response.items()]
        await self._send({"type": "http.response.start", "status": 429, "headers": headers})
        await self._send({"type": "http.response.body", "body": response.content})


def without_session(scope: Scope) -> Scope:
    """Cookies are not even looked at, but where the API is described."""
    if scope["raw_path"] in SHOWN_TO_SESSIONS:
        return scope
    return scope | {"headers": [one for one in scope["headers"] if one[0] != b"cookie"]}
