"""What a path that a client asks for means to Gemini's API."""

import random

import pytest

from proxyapp.vocabulary.client_paths import (
    Dialect,
    Stray,
    client_path,
    dialect_of,
    group_and_path,
    shows_bearer_alone,
)

BEARER = [(b"authorization", b"Bearer any")]
GOOGLES = [(b"x-goog-api-key", b"any")]
CHAT = "/v1beta/openai/chat/completions"
FRONTS = ["", "/v1", "/openai/v1", "/openai", "/api/v1", "/v1beta", "/v1/v1", "/", "/v1beta/openai",
          "/v1beta/openai/v1", "/v1/", "//v1", "/v1alpha"]  # fmt: skip
CALLS = ["chat/completions", "embeddings", "images/generations", "images/edits", "audio/speech",
         "audio/transcriptions", "completions", "videos", "moderations"]  # fmt: skip


def meant(path: str, headers=(), query: bytes | None = None) -> str | None:
    found = client_path(path.encode()).meant(headers, query)
    return None if found is None else found.decode()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("front", FRONTS)
def test_openais_calls_are_googles_openai_path_whatever_stands_in_front(
    front: str, call: str
) -> None:
    for headers in ((), BEARER, GOOGLES):
        assert meant(f"{front}/{call}", headers) == f"/v1beta/openai/{call}"


@pytest.mark.parametrize(
    "rest", ["models", "files", "batches", "models/gemini-2.5-flash", "files/"]
)
@pytest.mark.parametrize("front", ["", "/v1", "//v1", "/v1/v1"])
def test_what_both_apis_have_goes_by_the_credential(front: str, rest: str) -> None:
    native = "/v1beta/" if front == "" else "/v1/"

    assert meant(f"{front}/{rest}", BEARER) == f"/v1beta/openai/{rest}"
    for headers in ((), GOOGLES, BEARER + GOOGLES, GOOGLES + BEARER):
        assert meant(f"{front}/{rest}", headers) == f"{native}{rest}"
    for query in (b"key=any", b"pageSize=5&key=any"):
        assert meant(f"{front}/{rest}", BEARER, query) == f"{native}{rest}"


@pytest.mark.parametrize("rest", ["models", "files/f", "batches"])
@pytest.mark.parametrize("front", ["/openai/v1", "/openai", "/api/v1", "/v1beta/openai"])
def test_who_says_openai_means_openai(front: str, rest: str) -> None:
    for headers in ((), BEARER, GOOGLES):
        assert meant(f"{front}/{rest}", headers) == f"/v1beta/openai/{rest}"


@pytest.mark.parametrize(
    ("path", "geminis"),
    [
        ("/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("/tunedModels/t:generateContent", "/v1beta/tunedModels/t:generateContent"),
        ("/cachedContents", "/v1beta/cachedContents"),
        ("/v1beta/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("/v1beta/v1/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("/v1/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("/v1/v1/models/m:generateContent", "/v1/models/m:generateContent"),
        ("/v1/v1alpha/models/m:generateContent", "/v1alpha/models/m:generateContent"),
        ("//v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("///models/m:embedContent", "/v1beta/models/m:embedContent"),
        ("/v1beta/upload/v1beta/files", "/upload/v1beta/files"),
        ("//upload/v1beta/files", "/upload/v1beta/files"),
        ("/v1beta/openai/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("/models/m%3AgenerateContent", "/v1beta/models/m%3AgenerateContent"),
        ("/v1/models/m%3agenerateContent", "/v1/models/m%3agenerateContent"),
        ("/openai/v1/models/m%3AgenerateContent", "/v1/models/m%3AgenerateContent"),
    ],
)  # fmt: skip
def test_googles_own_calls_lose_what_is_doubled_and_get_what_is_missing(
    path: str, geminis: str
) -> None:
    for headers in ((), BEARER, GOOGLES):
        assert meant(path, headers) == geminis


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        "/v1/models/gemini-2.5-flash:generateContent",
        "/v1alpha/models/m:generateContent",
        "/v1beta/openai/chat/completions",
        "/v1/openai/chat/completions",
        "/v1beta//models//m:generateContent",
        "/v1beta/files/f%2Fg:download",
        "/v1beta/what/nobody/knows/yet",
        "/v1beta1/projects/p/locations/l/publishers/google/models/m:predict",
        "/upload/v1beta/files",
        "/download/v1beta/files/f:download",
        "/batch",
        "/batch/v1beta",
        "/$discovery/rest",
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        "/google.ai.generativelanguage.v1beta.GenerativeService/GenerateContent",
        "/v1beta/",
        "/%76%31beta/models",
    ],
)
def test_everything_else_stays_byte_for_byte(path: str) -> None:
    if path != "/v1beta/":
        assert meant(path, GOOGLES) == path
    for headers in ((), BEARER, GOOGLES):
        assert client_path(path.encode()).openai in (None, path.encode()), headers


@pytest.mark.parametrize(
    ("path", "stray", "dialect"),
    [
        ("/", Stray.BASE, Dialect.GOOGLE),
        ("/v1", Stray.BASE, Dialect.OPENAI),
        ("/v1/", Stray.BASE, Dialect.OPENAI),
        ("/v1beta/openai/", Stray.BASE, Dialect.OPENAI),
        ("/v1/messages", Stray.MESSAGES, Dialect.ANTHROPIC),
        ("/messages", Stray.MESSAGES, Dialect.ANTHROPIC),
        ("/v1/messages/count_tokens", Stray.MESSAGES, Dialect.ANTHROPIC),
        ("/v1/responses", Stray.RESPONSES, Dialect.OPENAI),
        ("/responses/resp_1", Stray.RESPONSES, Dialect.OPENAI),
        ("/v1beta/openai/responses", Stray.RESPONSES, Dialect.OPENAI),
        ("/wp-login.php", Stray.UNKNOWN, Dialect.GOOGLE),
        ("/api/tags", Stray.UNKNOWN, Dialect.GOOGLE),
        ("/.well-known/openid-configuration", Stray.UNKNOWN, Dialect.GOOGLE),
        ("/proxy/openai/v1/chat/completions", Stray.UNKNOWN, Dialect.OPENAI),
        ("/%3Cscript%3E", Stray.UNKNOWN, Dialect.GOOGLE),
        ("/" + "%25" * 2000, Stray.UNKNOWN, Dialect.GOOGLE),
        ("/Models", Stray.UNKNOWN, Dialect.GOOGLE),
        ("*", Stray.UNKNOWN, Dialect.GOOGLE),
        ("http://elsewhere/x", Stray.UNKNOWN, Dialect.GOOGLE),
    ],
)
def test_what_no_api_has_is_stray(path: str, stray: Stray, dialect: Dialect) -> None:
    found = client_path(path.encode())

    assert (found.stray, found.dialect, found.meant(BEARER, None)) == (stray, dialect, None)


def test_a_rewritten_path_is_what_it_means() -> None:
    """Once rewritten it is Gemini's, and is not rewritten again."""
    chosen = random.Random(15)
    pieces = ["/", "/v1", "/v1beta", "/openai", "/api", "/models", "/files", "/chat/completions",
              "/m:generateContent", "/upload", "/%2e", "/x y", ":", "/g/a"]  # fmt: skip
    seen = set()
    for _ in range(5000):
        path = "/" + "".join(chosen.choices(pieces, k=chosen.randint(1, 6)))
        for headers in (BEARER, GOOGLES):
            once = meant(path, headers)
            if once is not None:
                assert once.startswith("/")
                assert meant(once, headers) == once, path
            seen.add(once)
    assert len(seen) > 200


@pytest.mark.parametrize(
    ("headers", "query", "is_alone"),
    [
        (BEARER, None, True),
        (BEARER, b"monkey=1", True),
        ([(b"authorization", b"bearer x")], b"", True),
        ([(b"authorization", b"Basic x")], b"", False),
        (BEARER, b"key=1", False),
        (BEARER + GOOGLES, None, False),
        ([], None, False),
    ],
)
def test_a_bearer_token_counts_where_no_key_of_googles_is_shown(headers, query, is_alone) -> None:
    assert shows_bearer_alone(headers, query) is is_alone


@pytest.mark.parametrize(
    ("target", "headers", "dialect"),
    [
        (b"/v1/models?x=1", BEARER, Dialect.OPENAI),
        (b"/v1/models?key=1", BEARER, Dialect.GOOGLE),
        (b"/v1/models", [], Dialect.GOOGLE),
        (b"/g/one/v1/chat/completions?x=/messages", [], Dialect.OPENAI),
        (b"/g/one/v1/messages", [], Dialect.ANTHROPIC),
        (b"/v1beta/models/m:generateContent?x=/openai/", [], Dialect.GOOGLE),
    ],
)
def test_errors_are_told_in_the_words_of_the_path(target, headers, dialect) -> None:
    assert dialect_of(target, headers) is dialect


@pytest.mark.parametrize(
    ("path", "split"),
    [
        (b"/g/one/v1beta/models", ("one", b"/v1beta/models")),
        (b"/g/my%20group/x%2Fy", ("my group", b"/x%2Fy")),
        (b"/g/one", ("one", b"/")),
        (b"/g/", (None, b"/g/")),
        (b"/gx/one", (None, b"/gx/one")),
    ],
)
def test_a_path_may_name_a_group(path, split) -> None:
    assert group_and_path(path) == split
