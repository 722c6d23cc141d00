"""Who is let in, by what the book of tokens says."""

from typing import Any

import pytest

from proxyapp.access.admission import BAD_TOKEN, charge, found_client, refuse
from proxyapp.access.bad_tokens import Slowdown
from proxyapp.access.client_address import TrustedProxies
from proxyapp.access.limit_windows import Grant
from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import ANYONE, Client, TokenBook, token_hash
from proxyapp.vocabulary.errors import LimitReached, PreflightAsked, Unauthorized

TOKEN, OTHER = "gk-" + "a" * 43, "gk-" + "b" * 43
EMPTY = TokenBook([], ["s"])
QUESTION = [(b"origin", b"https://page.example"), (b"access-control-request-method", b"POST")]


class Failures(Slowdown):
    """Who failed, instead of slowing anyone down."""

    def __init__(self) -> None:
        super().__init__(TrustedProxies())
        self.failed_at: list[str] = []

    async def failed(self, scope: Any) -> None:
        self.failed_at.append(scope["client"][0])


class Refusals:
    def __init__(self) -> None:
        self.clients: list[int] = []

    def count_refused(self, client: Client, now: float) -> None:
        self.clients.append(client.id)


class Windows:
    """The database's windows of limits, with room for so many requests."""

    def __init__(self, room: int) -> None:
        self.room = room

    async def urgent(self, work: Any) -> list[Grant]:
        granted, self.room = self.room, 0
        return [Grant(granted, granted, is_wanted=not granted)]


@pytest.fixture
def failures() -> Failures:
    return Failures()


def book(**terms: Any) -> TokenBook:
    return TokenBook([(token_hash(TOKEN, "s"), Client(id=7, **terms))], ["s"])


def asked(token: str = "", method: str = "POST", server: str = "127.0.0.1", **given: Any) -> Any:
    """An ASGI scope."""
    headers = [(b"x-goog-api-key", token.encode())] if token else []
    scope = {"method": method, "query_string": b"", "headers": headers, "server": (server, 8080)}
    return scope | {"client": ("192.0.2.1", 40_000)} | given


async def admit_client(scope: Any, tokens: TokenBook, failures: Failures) -> Client:
    """As forwarding does."""
    found = found_client(scope, tokens)
    return found if isinstance(found, Client) else await refuse(scope, found, failures)


async def test_a_good_token_says_who_it_is(failures: Failures):
    client = await admit_client(asked(TOKEN), book(), failures)

    assert client.id == 7
    assert failures.failed_at == []


async def test_a_token_in_the_query_is_as_good(failures: Failures):
    scope = asked(query_string=f"key={TOKEN}".encode())

    assert (await admit_client(scope, book(), failures)).id == 7


@pytest.mark.parametrize(
    ("terms", "token", "message"),
    [
        ({}, OTHER, BAD_TOKEN),
        ({}, "AIza-not-a-token", BAD_TOKEN),
        ({"is_revoked": True}, TOKEN, "This client token was revoked."),
        ({"expires_at": 1.0}, TOKEN, "This client token has expired."),
    ],
)
async def test_a_bad_token_is_refused_and_noted(
    failures: Failures, terms: dict[str, Any], token: str, message: str
):
    with pytest.raises(Unauthorized) as refused:
        await admit_client(asked(token), book(**terms), failures)

    assert refused.value.message == message
    assert failures.failed_at == ["192.0.2.1"]


async def test_no_token_at_all_is_refused_and_counts_as_no_attempt(failures: Failures):
    with pytest.raises(Unauthorized):
        await admit_client(asked(), book(), failures)

    assert failures.failed_at == []


async def test_where_anyone_may_come_only_a_wrong_token_is_refused(
    failures: Failures, settings: Any
):
    settings.ALLOW_ANONYMOUS = True

    assert await admit_client(asked(), book(), failures) is ANYONE
    assert await admit_client(asked("AIza-not-a-token"), book(), failures) is ANYONE
    with pytest.raises(Unauthorized):
        await admit_client(asked(OTHER), book(), failures)


async def test_without_tokens_this_machine_may_come_and_no_other(failures: Failures):
    assert await admit_client(asked(), EMPTY, failures) is ANYONE
    with pytest.raises(Unauthorized):
        await admit_client(asked(server="192.0.2.9"), EMPTY, failures)


async def test_a_browsers_question_is_answered_where_there_are_tokens(failures: Failures):
    with pytest.raises(PreflightAsked):
        await admit_client(asked(method="OPTIONS", headers=QUESTION), book(), failures)


async def test_a_request_above_the_limit_is_refused_and_counted():
    client, refusals = Client(id=7, requests_per_minute=1), Refusals()
    limits = ClientLimits(Windows(room=1))  # type: ignore[arg-type]

    await charge(client, limits, refusals)
    assert refusals.clients == []
    with pytest.raises(LimitReached):
        await charge(client, limits, refusals)
    assert refusals.clients == [7]
