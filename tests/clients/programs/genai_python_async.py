"""google-genai for Python, asynchronous."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.clients.programs.genai_python import client_of
from tests.clients.programs.steps import PROMPT, Calls, run


async def chat(client: Any, model: str) -> Any:
    return (await client.models.generate_content(model=model, contents=PROMPT)).text


async def stream(client: Any, model: str) -> Any:
    parts = await client.models.generate_content_stream(model=model, contents=PROMPT)
    return "".join([part.text or "" async for part in parts])


async def embed(client: Any, model: str) -> Any:
    answer = await client.models.embed_content(model=model, contents="one")
    return answer.embeddings[0].values


async def models(client: Any, _: str) -> Any:
    return [model.name async for model in await client.models.list()]


def calls(url: str) -> Calls:
    def made(call: Callable[[Any, str], Awaitable[Any]]) -> Callable[[str], Any]:
        async def ask(model: str) -> Any:
            async with client_of(url).aio as client:
                return await call(client, model)

        return lambda model: asyncio.run(ask(model))

    return {
        "chat": made(chat),
        "stream": made(stream),
        "embed": made(embed),
        "models": made(models),
    }


if __name__ == "__main__":
    run(calls)
