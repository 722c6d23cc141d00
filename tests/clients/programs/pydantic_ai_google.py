"""pydantic-ai, as Gemini's client."""

from pydantic_ai.embeddings.google import GoogleEmbeddingModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from tests.clients.programs.pydantic_ai_calls import calls_with
from tests.clients.programs.steps import Calls, run


def calls(url: str) -> Calls:
    provider = GoogleProvider(api_key="any", base_url=url) if url else GoogleProvider()
    return calls_with(
        lambda model: GoogleModel(model, provider=provider),
        lambda model: GoogleEmbeddingModel(model, provider=provider),
    )


if __name__ == "__main__":
    run(calls)
