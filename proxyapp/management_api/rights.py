"""Who may call what: each operation names the rights that it needs, those of the admin's pages."""

from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from proxyapp.access.operator_tokens import Caller, find_caller
from proxyapp.access.token_book import TokenRefusal
from proxyapp.management_api.problems import ApiRefusal

HOW = "Send an operator token as `Authorization: Bearer go-…`."
WORDS = {
    TokenRefusal.MISSING: HOW,
    TokenRefusal.FOREIGN: f"That is no operator token. {HOW}",
    TokenRefusal.UNKNOWN: "This operator token is not known here.",
    TokenRefusal.EXPIRED: "This operator token has expired: make another.",
    TokenRefusal.REVOKED: "This operator token is revoked, or its user or its role is gone.",
}


class OperatorBearer(HttpBearer):
    """Its name is that of the scheme in the API's description."""

    def __init__(self, *rights: str) -> None:
        super().__init__()
        self._rights = rights

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) or refuse(TokenRefusal.MISSING)

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        caller = find_caller(token.strip(), timezone.now())
        if isinstance(caller, TokenRefusal):
            refuse(caller)
        for right in self._rights:
            require(caller, right)
        return caller


def refuse(why: TokenRefusal) -> NoReturn:
    raise ApiRefusal(401, WORDS[why])


def require(caller: Caller, right: str) -> None:
    if not caller.may(right):
        raise ApiRefusal(
            403,
            f"This wants the right {right}, which the token's role or its user does not have.",
        )


def needs(*names: str) -> dict[str, Any]:
    """For an operation: such as `needs("view_apikey")`."""
    rights = [f"proxyapp.{name}" for name in names]
    return {"auth": OperatorBearer(*rights), "openapi_extra": {"x-rights": rights}}


def caller_of(request: HttpRequest) -> Caller:
    caller = getattr(request, "auth", None)
    assert isinstance(caller, Caller)  # noqa: S101
    return caller
