"""The official openai SDK, pointed at the gateway, works as it does with Google's own endpoint."""

from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.conftest import MakeGateway
from tests.support.fake_gemini import MODELS, OUTPUT_TOKENS, PROMPT_TOKENS, TEXT
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

MODEL = "gemini-2.5-flash"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Count to three."}]


@pytest.fixture
def client(shared_gateway: Gateway, google: FakeUpstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{shared_gateway.url}/v1beta/openai/", api_key="any", max_retries=0, timeout=15
    ) as sdk:
        yield sdk


@pytest.fixture
async def async_client(
    shared_gateway: Gateway, google: FakeUpstream
) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{shared_gateway.url}/v1beta/openai/", api_key="any", max_retries=0, timeout=15
    ) as sdk:
        yield sdk


def test_a_chat(client: openai.OpenAI, google: FakeUpstream) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content == TEXT
    assert completion.usage
    assert completion.usage.total_tokens == PROMPT_TOKENS + OUTPUT_TOKENS
    assert google.last.values("authorization") == [f"Bearer {google.last.key}"]
    assert google.last.key in ("KEY-A", "KEY-B")


def test_a_streamed_chat(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    )
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == OUTPUT_TOKENS


async def test_an_async_chat(async_client: openai.AsyncOpenAI) -> None:
    completion = await async_client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content == TEXT


async def test_an_async_streamed_chat(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    text = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(text) == TEXT


def test_embeddings(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="gemini-embedding-001", input=["one", "two"])
    assert [list(item.embedding) for item in answer.data] == [[0.25, -0.5, 1.0]] * 2


def test_the_model_list(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [f"models/{name}" for name in MODELS]


def test_an_error_of_the_request_is_the_sdks_own_exception(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="nope", messages=MESSAGES)
    assert "is not found for API version" in refused.value.response.text


def test_a_429_of_one_key_is_not_the_clients(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"])
    upstream.exhausted("KEY-A")
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1beta/openai/", api_key="any", max_retries=0
    ) as sdk:
        stream = sdk.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == TEXT
    assert upstream.picked() == ["KEY-A", "KEY-B"]


def test_without_a_key_left_the_sdk_raises_what_the_gateway_says(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"])
    upstream.exhausted("KEY-A")
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1beta/openai/", api_key="any", max_retries=0
    ) as sdk:
        for _ in range(2):
            with pytest.raises(openai.RateLimitError) as spent:
                sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
            assert (spent.value.status_code, spent.value.type) == (429, "rate_limit_error")
            assert int(spent.value.response.headers["retry-after"]) > 0


def test_a_stream_that_breaks_raises(client: openai.OpenAI, google: FakeUpstream) -> None:
    held = google.held_stream("/v1beta/openai/chat/completions")
    held.send(b'data: {"id": "c", "object": "chat.completion.chunk", "choices": []}\n\n')
    stream = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    assert next(iter(stream)).id == "c"
    held.die()
    with pytest.raises(openai.APIConnectionError):
        list(stream)
