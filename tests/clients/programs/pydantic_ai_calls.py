"""What an agent of pydantic-ai does, for each provider."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic_ai import Agent, Embedder
from pydantic_ai.embeddings import EmbeddingModel
from pydantic_ai.models import Model

from tests.clients.programs.steps import PROMPT, Calls


def calls_with(
    model_of: Callable[[str], Model], embedding_model_of: Callable[[str], EmbeddingModel]
) -> Calls:
    """All in one event loop, because the client of a provider is kept."""
    loop = asyncio.new_event_loop()

    async def chat(model: str) -> Any:
        return (await Agent(model_of(model)).run(PROMPT)).output

    async def stream(model: str) -> Any:
        async with Agent(model_of(model)).run_stream(PROMPT) as answer:
            return "".join([part async for part in answer.stream_text(delta=True)])

    async def embed(model: str) -> Any:
        return (await Embedder(embedding_model_of(model)).embed_query("one")).embeddings[0]

    return {
        "chat": lambda model: loop.run_until_complete(chat(model)),
        "stream": lambda model: loop.run_until_complete(stream(model)),
        "embed": lambda model: loop.run_until_complete(embed(model)),
    }
