"""The clients of the demo: three to six requests a second, in waves.

They take the native and the OpenAI-compatible paths.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from tests.demo.cast import CLIENTS, MODELS

REQUESTS_A_SECOND = (3.0, 6.0)
WAVE_SECONDS = 60.0
LEAVING_SHARE = 0.02
QUESTION = "Say in one sentence what a gateway is good for."


@dataclass(frozen=True)
class Call:
    path: str
    body: Any

    def credential(self, token: str) -> dict[str, str]:
        """As the SDKs of each API send it."""
        return (
            {"authorization": f"Bearer {token}"}
            if "/openai/" in self.path
            else {"x-goog-api-key": token}
        )


def native(model: str) -> Call:
    return Call(
        f"/v1beta/models/{model}:generateContent", {"contents": [{"parts": [{"text": QUESTION}]}]}
    )


def native_stream(model: str) -> Call:
    return Call(f"/v1beta/models/{model}:streamGenerateContent?alt=sse", native(model).body)


def chat(model: str) -> Call:
    messages = [{"role": "user", "content": QUESTION}]
    return Call("/v1beta/openai/chat/completions", {"model": model, "messages": messages})


def chat_stream(model: str) -> Call:
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    return Call(chat(model).path, {**chat(model).body, **streaming})


def unknown_model(_model: str) -> Call:
    """The client's mistake: a 404."""
    return native("gemma-unknown")


def no_json(_model: str) -> Call:
    """The client's mistake: a 400."""
    return Call(chat("").path, ["no", "object"])


CALLS: dict[Callable[[str], Call], int] = {
    native: 35,
    native_stream: 25,
    chat: 20,
    chat_stream: 17,
    unknown_model: 2,
    no_json: 1,
}


class Load:
    def __init__(self, url: str) -> None:
        self._url = url
        self._chance = Random(2)

    async def run(self, seconds: float) -> None:
        """Returns when the last answer has come."""
        clock = asyncio.get_running_loop().time
        began = clock()
        http = httpx.AsyncClient(base_url=self._url, timeout=60, trust_env=False)
        async with http, asyncio.TaskGroup() as clients:
            while (elapsed := clock() - began) < seconds:
                clients.create_task(self._ask(http))
                await asyncio.sleep(self._chance.expovariate(requests_a_second(elapsed)))

    async def _ask(self, http: httpx.AsyncClient) -> None:
        """Whatever comes back; some clients leave before an answer is whole."""
        call = self._call()
        [client] = self._chance.choices(CLIENTS, [client.share for client in CLIENTS])
        is_leaving = self._chance.random() < LEAVING_SHARE
        headers = call.credential(client.token)
        with suppress(httpx.TransportError):
            async with http.stream("POST", call.path, json=call.body, headers=headers) as response:
                async for _ in response.aiter_raw():
                    if is_leaving:
                        break

    def _call(self) -> Call:
        [make] = self._chance.choices(list(CALLS), list(CALLS.values()))
        [model] = self._chance.choices(list(MODELS), list(MODELS.values()))
        return make(model)


def requests_a_second(elapsed: float) -> float:
    """Beginning with the crest of a wave."""
    low, high = REQUESTS_A_SECOND
    return (low + high) / 2 + (high - low) / 2 * math.cos(math.tau * elapsed / WAVE_SECONDS)
