"""The book of client tokens: who is found, in memory, by what a request presents."""

import functools
import random
import re

import pytest

from proxyapp.access.token_book import (
    MOST_CREDENTIALS,
    Client,
    TokenBook,
    TokenRefusal,
    mark_of,
    masked_token,
    presented,
    token_hash,
)
from proxyapp.vocabulary.model_patterns import pattern_of
from tests.support.cpu_time import milliseconds_of

NOW = 1_000.0
TOKEN, OTHER = (
    "gk-mQyAQXtn5YLmgclhBuSibS2tpMI22QxOYQ5tj4G-BnU",
    "gk-62IvF9OEvn2s_cogw740vYdIJ6dw-rh1mmkFQe8keTE",
)
CLIENT = Client(id=7)


def book(
    client: Client = CLIENT, *, secret: str = "s", secrets: tuple[str, ...] = ("s",)
) -> TokenBook:
    return TokenBook([(token_hash(TOKEN, secret), client)], secrets)


def bearer(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Bearer " + token.encode())]


def test_a_token_is_long_random_and_shown_masked():
    assert re.fullmatch(r"gk-[\w-]{43}", TOKEN)
    assert TOKEN != OTHER
    assert masked_token(TOKEN) == f"gk-…{TOKEN[-4:]}"


def test_what_is_stored_is_64_digits_that_need_the_secret():
    stored = token_hash(TOKEN, "s")

    assert re.fullmatch("[0-9a-f]{64}", stored)
    assert stored.startswith(mark_of("s"))
    assert stored != token_hash(TOKEN, "t")
    assert stored[8:] != token_hash(OTHER, "s")[8:]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (bearer(TOKEN), b""),
        ([(b"authorization", b"bearer  " + TOKEN.encode() + b" ")], b""),
        ([(b"x-goog-api-key", TOKEN.encode())], b""),
        ([(b"x-api-key", TOKEN.encode())], b""),
        ([], b"alt=sse&key=" + TOKEN.encode()),
        ([], b"k%65y=" + TOKEN.replace("-", "%2D").encode()),
        ([*bearer(OTHER), (b"x-goog-api-key", TOKEN.encode())], b""),
        ([(b"x-goog-api-key", b"AIzaSomething")], b"key=no&key=" + TOKEN.encode()),
    ],
)
def test_it_is_found_wherever_clients_put_it(headers, query):
    assert book().client_of(headers, query, NOW) is CLIENT


@pytest.mark.parametrize(
    ("headers", "query", "refusal"),
    [
        ([], b"", TokenRefusal.MISSING),
        ([(b"authorization", b"Basic dTpw")], b"monkey=1", TokenRefusal.MISSING),
        ([(b"x-api-key", b"AIzaSomething")], b"", TokenRefusal.FOREIGN),
        (bearer(""), b"", TokenRefusal.MISSING),
        ([(b"x-api-key", b" "), (b"x-goog-api-key", b"")], b"key=&key", TokenRefusal.MISSING),
        (bearer(OTHER), b"", TokenRefusal.UNKNOWN),
        (bearer(TOKEN[:-1]), b"", TokenRefusal.FOREIGN),
        (bearer(TOKEN + "x"), b"", TokenRefusal.FOREIGN),
        (bearer(TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B")), b"", TokenRefusal.UNKNOWN),
    ],
)
def test_nobody_else_is(headers, query, refusal):
    assert book().client_of(headers, query, NOW) is refusal


def test_a_token_that_is_over_or_revoked_is_told_so_though_another_credential_is_unknown():
    headers = [*bearer(TOKEN), (b"x-api-key", OTHER.encode())]

    assert book(Client(id=7, expires_at=NOW)).client_of(headers, b"", NOW) is TokenRefusal.EXPIRED
    assert book(Client(id=7, expires_at=NOW + 0.1)).client_of(headers, b"", NOW) == Client(
        id=7, expires_at=NOW + 0.1
    )
    assert book(Client(id=7, is_revoked=True)).client_of(headers, b"", NOW) is TokenRefusal.REVOKED


def test_an_older_secret_still_finds_its_tokens_as_long_as_it_is_there():
    assert book(secret="old", secrets=("new", "old")).client_of(bearer(TOKEN), b"", NOW) is CLIENT
    gone = book(secret="old", secrets=("new",))
    assert gone.client_of(bearer(TOKEN), b"", NOW) is TokenRefusal.UNKNOWN
    assert not gone.is_empty, "the gateway stays closed"


def test_an_empty_book_says_so():
    assert TokenBook([], ("s",)).is_empty
    assert TokenBook([], ("s",)).client_of(bearer(TOKEN), b"", NOW) is TokenRefusal.UNKNOWN


def test_thousands_of_headers_are_looked_at_without_harm():
    assert (
        book().client_of([(b"x-api-key", b"gk-" + b"x" * 60_000)] * 100, b"", NOW)
        is TokenRefusal.FOREIGN
    )
    assert presented([], b"&&=&key&key=a&key=") == [b"a"]


@pytest.mark.parametrize(
    ("patterns", "name", "is_allowed"),
    [
        (["gemini-2.5-*"], "gemini-2.5-pro", True),
        (["gemini-2.5-*"], "gemini-2x5-pro", False),
        (["gemini-2.5-pro"], "gemini-2.5-pro-preview", False),
        (["*-lite", "gemma*"], "gemini-2.5-flash-lite", True),
        (["*-lite", "gemma*"], "gemma-3", True),
        (["[a-z]?"], "a", False),
        (["a|b"], "a", False),
        (["*"], "anything\nat all", True),
    ],
)
def test_patterns_of_models_know_the_star_only(patterns, name, is_allowed):
    found = pattern_of(patterns)
    assert found is not None
    assert (found.fullmatch(name) is not None) == is_allowed


def test_patterns_mean_what_they_say_wherever_their_stars_stand():
    source = random.Random(1)
    for _ in range(3000):
        pattern = "".join(source.choices("ab*", k=source.randrange(1, 7)))
        name = "".join(source.choices("ab", k=source.randrange(8)))
        found = pattern_of([pattern])
        assert found is not None
        plain = re.fullmatch(pattern.replace("*", ".*"), name)
        assert bool(found.fullmatch(name)) == bool(plain), (pattern, name)


@pytest.mark.parametrize("pattern", ["gemini-*-flash-*-preview", "*g*e*m*i*n*i*x", "*a*a*a*b"])
def test_no_name_takes_long_to_compare_with_a_pattern(pattern: str):
    found = pattern_of([pattern])
    assert found is not None
    for name in ("gemini-" + "-flash-" * 8000, "gemini" * 10_000, "a" * 60_000):
        assert milliseconds_of(functools.partial(found.fullmatch, name), 2) < 30


def test_a_token_is_not_looked_for_behind_many_wrong_ones():
    wrong = [(b"x-api-key", b"gk-%043d" % number) for number in range(MOST_CREDENTIALS)]
    own = (b"authorization", b"Bearer " + TOKEN.encode())
    assert book().client_of([*wrong[1:], own], b"", NOW) == CLIENT
    assert book().client_of([*wrong, own], b"", NOW) is TokenRefusal.UNKNOWN
    assert book().client_of([*[wrong[0]] * 400, own], b"", NOW) == CLIENT


def test_no_pattern_is_no_limit():
    assert pattern_of([]) is None
