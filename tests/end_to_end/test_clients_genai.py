"""The official google-genai SDK, pointed at the gateway, works as it does with Google itself."""

import threading
from collections.abc import Callable, Iterator

import pytest
from google import genai
from google.genai import errors, types

from tests.conftest import MakeGateway
from tests.support.fake_gemini import MODELS, OUTPUT_TOKENS, PROMPT_TOKENS, TEXT
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

MODEL = "gemini-2.5-flash"
PROMPT = "Count to three."


def client_of(gateway: Gateway, version: str | None = None) -> genai.Client:
    options = types.HttpOptions(base_url=gateway.url, timeout=15_000, api_version=version)
    return genai.Client(api_key="any", http_options=options)


@pytest.fixture
def client(shared_gateway: Gateway, google: FakeUpstream) -> Iterator[genai.Client]:
    with client_of(shared_gateway) as sdk:
        yield sdk


def text_of(answer: types.GenerateContentResponse) -> str:
    return answer.text or ""


def test_generating_content(client: genai.Client, google: FakeUpstream) -> None:
    answer = client.models.generate_content(model=MODEL, contents=PROMPT)
    assert text_of(answer) == TEXT
    assert answer.usage_metadata
    assert answer.usage_metadata.total_token_count == PROMPT_TOKENS + OUTPUT_TOKENS
    assert google.last.values("x-goog-api-key") == [google.last.key]
    assert google.last.key in ("KEY-A", "KEY-B")


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_every_version_of_the_api(
    shared_gateway: Gateway, google: FakeUpstream, version: str
) -> None:
    with client_of(shared_gateway, version) as sdk:
        assert text_of(sdk.models.generate_content(model=MODEL, contents=PROMPT)) == TEXT
    assert google.last.path == f"/{version}/models/{MODEL}:generateContent"


def test_a_stream(client: genai.Client) -> None:
    parts = list(client.models.generate_content_stream(model=MODEL, contents=PROMPT))
    assert "".join(text_of(part) for part in parts) == TEXT
    assert len(parts) == 3


async def test_generating_content_async(client: genai.Client) -> None:
    assert text_of(await client.aio.models.generate_content(model=MODEL, contents=PROMPT)) == TEXT


async def test_an_async_stream(client: genai.Client) -> None:
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents=PROMPT)
    assert "".join([text_of(part) async for part in stream]) == TEXT


def test_counting_tokens(client: genai.Client) -> None:
    assert client.models.count_tokens(model=MODEL, contents=PROMPT).total_tokens == PROMPT_TOKENS


def test_embeddings(client: genai.Client) -> None:
    answer = client.models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert [embedding.values for embedding in answer.embeddings or []] == [[0.25, -0.5, 1.0]] * 2


def test_the_model_list(client: genai.Client) -> None:
    assert [model.name for model in client.models.list()] == [f"models/{name}" for name in MODELS]
    assert client.models.get(model=MODEL).name == f"models/{MODEL}"


def test_an_error_of_the_request_is_the_sdks_own_exception(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError, match="is not found for API version") as refused:
        client.models.generate_content(model="nope", contents=PROMPT)
    assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")


def test_a_429_of_one_key_is_not_the_clients(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"])
    upstream.exhausted("KEY-A")
    with client_of(gateway) as sdk:
        assert (
            "".join(map(text_of, sdk.models.generate_content_stream(model=MODEL, contents=PROMPT)))
            == TEXT
        )
    assert upstream.picked() == ["KEY-A", "KEY-B"]


def test_without_a_key_left_the_sdk_raises_what_the_gateway_says(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"])
    upstream.exhausted("KEY-A")
    with client_of(gateway) as sdk:
        for _ in range(2):
            with pytest.raises(errors.ClientError) as spent:
                sdk.models.generate_content(model=MODEL, contents=PROMPT)
            assert (spent.value.code, spent.value.status) == (429, "RESOURCE_EXHAUSTED")
            assert "is back at" in str(spent.value.message)


def test_many_threads_at_once(client: genai.Client, google: FakeUpstream) -> None:
    answers: list[str] = []

    def ask() -> None:
        answers.append(text_of(client.models.generate_content(model=MODEL, contents=PROMPT)))

    at_once([ask] * 16)
    assert answers == [TEXT] * 16
    assert [google.picked().count(key) for key in ("KEY-A", "KEY-B")] == [8, 8]


def at_once(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
