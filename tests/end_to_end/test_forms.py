"""The model of a form counts as one in JSON does: for the limits of tokens and for cooldowns."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.refusals import google as refusal
from tests.support.refusals import retry_info
from tests.support.waiting import wait_for

AUDIO = "/v1beta/openai/audio/transcriptions"
SIZES = [1000, 300_000, 3_000_000]  # read at once, in steps, and kept in a file


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    keys = ["KEY-A", "KEY-B"]
    groups = [
        group(keys, shared_upstream.url, auth="google", rate_limit_policy="quota_aware"),
    ]
    with Gateway({"groups": groups}, server=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(gateway: Gateway) -> dict[str, str]:
    made = make_tokens(gateway, {"limited": {"models": ["whisper-*"]}, "free": {}})
    wait_for(lambda: httpx.get(f"{gateway.url}/v1beta/models", trust_env=False).status_code == 401)
    return made


async def transcribe(request: Recorded, connection: Connection) -> None:
    await connection.answer(200, b'{"text": "Heard."}')


def sent(gateway: Gateway, token: str, size: int, **fields: str) -> httpx.Response:
    """The file first, as of curl and of JavaScript."""
    data = os.urandom(size)
    parts: list[Any] = [("file", ("a.mp3", data)), *((k, (None, v)) for k, v in fields.items())]
    return httpx.post(
        gateway.url + "/v1/audio/transcriptions",
        files=parts,
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=20,
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_limited_token_may_send_forms_of_its_models(
    gateway: Gateway, google: FakeUpstream, tokens: dict[str, str], size: int
) -> None:
    google.on(AUDIO, transcribe)

    allowed = sent(gateway, tokens["limited"], size, model="whisper-1", language="en")
    other = sent(gateway, tokens["limited"], size, model="gpt-4o-transcribe")
    none = sent(gateway, tokens["limited"], size, language="en")
    two = sent(gateway, tokens["limited"], size, model="whisper-1", models="gpt-4o")

    assert (allowed.status_code, allowed.json()) == (200, {"text": "Heard."})
    assert [answer.status_code for answer in (other, none, two)] == [403] * 3
    assert "may not use the model 'gpt-4o-transcribe'" in other.json()["error"]["message"]
    assert "does not say which it is for" in none.json()["error"]["message"]
    assert "one field `model`" in two.json()["error"]["message"]
    assert [request.target for request in google.requests] == [AUDIO.encode()]


def test_openais_sdk_may_send_them_too(
    gateway: Gateway, google: FakeUpstream, tokens: dict[str, str]
) -> None:
    google.on(AUDIO, transcribe)
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=tokens["limited"], max_retries=0
    ) as sdk:
        heard = sdk.audio.transcriptions.create(model="whisper-1", file=("ü.mp3", b"abc"))
        with pytest.raises(openai.PermissionDeniedError):
            sdk.audio.transcriptions.create(model="other", file=("a.mp3", b"abc"))

    assert heard.text == "Heard."


@pytest.mark.parametrize("size", SIZES)
def test_a_cooldown_is_the_models_that_a_form_names(
    gateway: Gateway, google: FakeUpstream, tokens: dict[str, str], size: int
) -> None:
    model = f"whisper-{size}"
    refused: list[str] = []

    async def refuse_once(request: Recorded, connection: Connection) -> None:
        if refused:
            await transcribe(request, connection)
            return
        refused.append(str(request.key))
        body = refusal("Quota exceeded: requests per minute.", 429, "RESOURCE_EXHAUSTED")
        body["error"]["details"] = [retry_info("50s")]
        await connection.answer(429, httpx.Response(429, json=[body]).content)

    google.on(AUDIO, refuse_once)

    answer = sent(gateway, tokens["free"], size, model=model)

    assert answer.status_code == 200
    cooling = [cool["model"] for key in gateway.keys() for cool in key["cooldowns"]]
    assert model in cooling
