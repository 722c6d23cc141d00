"""One access token of a service account, by google-auth. Runs on a thread of its own.

The question to Google's token endpoint takes the way of the group's requests: through its proxy,
with its authorities, and to no address where requests do not go.
"""

import asyncio
import dataclasses
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx

from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import GatewayError
from proxyapp.vocabulary.service_account import account_of, check_token_uri

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# Of the endpoint's answer, which has one token or one error.
ANSWER_BYTES = 64 * 1024
ANSWER_SECONDS = 8.0
UNSTATED_SECONDS = 300.0
LONGEST_SECONDS = 12 * 3600.0
# What the endpoint says of an account that is gone or disabled, or of a private key that is.
REFUSED = frozenset(
    ("invalid_grant", "invalid_client", "unauthorized_client", "disabled_client", "deleted_client")
)
# It says so of a machine whose clock is wrong, too.
OF_CLOCK = "reasonable timeframe"
NO_ANSWER = "the token endpoint gave no token"
# What fits in a header.
TOKEN = re.compile(r"[!-~]{1,8192}")
ASSERTION = re.compile(r"eyJ[\w.-]+")


class TokenWay(Protocol):
    """Upstreams: how a group's target is reached."""

    async def send(
        self, group: PoolGroup, method: str, target: bytes, headers: list[Header], body: bytes
    ) -> UpstreamExchange:
        """Raises GatewayError."""
        ...


class MintedToken(NamedTuple):
    token: str
    seconds: float


class NoToken(Exception):
    """`is_refused`: the account itself is, which no other time and no other way mends.

    `unreached`: why the endpoint was not.
    """

    def __init__(
        self, message: str, *, is_refused: bool = False, unreached: GatewayError | None = None
    ) -> None:
        self.is_refused = is_refused
        self.unreached = unreached
        super().__init__(message)

    @property
    def status(self) -> int:
        return 401 if self.is_refused else 503

    @property
    def body(self) -> bytes:
        """As Google would say it of a request."""
        error: dict[str, Any] = {
            "code": self.status,
            "message": f"Service account: {self}.",
            "status": "UNAUTHENTICATED" if self.is_refused else "UNAVAILABLE",
        }
        if self.is_refused:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": kind, "reason": "ACCOUNT_STATE_INVALID"}]
        return json.dumps({"error": error}).encode()


class EndpointAnswer(NamedTuple):
    """As google-auth takes it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def mint(key: PoolKey, way: TokenWay, loop: asyncio.AbstractEventLoop) -> MintedToken:
    """Raises NoToken."""
    # It takes 60 ms to load, and few have accounts.
    from google.auth import exceptions
    from google.oauth2 import service_account

    account = account_of(key.secret)
    uri = account["token_uri"]
    if problem := check_token_uri(uri):
        raise NoToken(f"its token_uri {problem}", is_refused=True)

    def ask(url: str, method: str, body: bytes, headers: Mapping[str, str], **_: Any) -> Any:
        asking = _ask(way, key.group, url, method, body, headers)
        answer = asyncio.run_coroutine_threadsafe(asking, loop)
        try:
            return answer.result(ANSWER_SECONDS)
        finally:
            answer.cancel()

    try:
        made = service_account.Credentials.from_service_account_info
        credentials = made(account, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except (exceptions.GoogleAuthError, ValueError) as error:
        raise NoToken(f"its file cannot be used: {type(error).__name__}", is_refused=True) from None
    try:
        credentials.refresh(ask)
    except exceptions.RefreshError as error:
        raise _no_token(error) from None
    except (GatewayError, httpx.TransportError) as error:
        why = error if isinstance(error, GatewayError) else None
        host = urlsplit(uri).hostname
        raise NoToken(f"{host} was not reached: {error}", unreached=why) from None
    except TimeoutError:
        raise NoToken(f"{urlsplit(uri).hostname} did not answer in time") from None
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
        raise NoToken(NO_ANSWER) from None  # google-auth takes an answer for what it should be
    return _checked(credentials.token, credentials.expiry)


def _checked(token: object, expiry: datetime | None) -> MintedToken:
    if not isinstance(token, str) or TOKEN.fullmatch(token) is None:
        raise NoToken(NO_ANSWER)
    return MintedToken(token, _seconds_until(expiry))


def _no_token(error: Exception) -> NoToken:
    """What the endpoint said, in its own words; no token is in them."""
    said = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    code, words = str(said.get("error") or ""), str(said.get("error_description") or "")
    text = ": ".join(filter(None, (code, words)))[:300] or "it gave none"
    is_refused = code in REFUSED and OF_CLOCK not in words
    shown = ASSERTION.sub("…", text).rstrip(".")
    return NoToken(f"the token endpoint says {shown}", is_refused=is_refused)


def _seconds_until(expiry: datetime | None) -> float:
    if expiry is None:
        return UNSTATED_SECONDS
    seconds = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_SECONDS) if math.isfinite(seconds) else UNSTATED_SECONDS


async def _ask(
    way: TokenWay,
    group: PoolGroup,
    url: str,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
) -> EndpointAnswer:
    parts = urlsplit(url)
    # No group's own way: an endpoint that fails says nothing of the group's.
    place = dataclasses.replace(group, id=0, url=httpx.URL(f"{parts.scheme}://{parts.netloc}"))
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    exchange = await way.send(
        place,
        method,
        (parts.path or "/").encode(),
        [
            (b"host", parts.netloc.encode()),
            *sent,
            (b"accept-encoding", b"identity"),
            (b"content-length", b"%d" % len(body)),
        ],
        body,
    )
    data = await exchange.read_start(ANSWER_BYTES)
    return EndpointAnswer(exchange.response.status, {}, data)
