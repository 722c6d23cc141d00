"""pydantic-ai, as OpenAI's client."""

from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.clients.programs.pydantic_ai_calls import calls_with
from tests.clients.programs.steps import Calls, run


def calls(url: str) -> Calls:
    provider = OpenAIProvider(api_key="any", base_url=url) if url else OpenAIProvider()
    return calls_with(
        lambda model: OpenAIChatModel(model, provider=provider),
        lambda model: OpenAIEmbeddingModel(model, provider=provider),
    )


if __name__ == "__main__":
    run(calls)
