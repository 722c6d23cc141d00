"""LiteLLM's SDK, as OpenAI's client."""

from tests.clients.programs.litellm_calls import calls_of
from tests.clients.programs.steps import run

if __name__ == "__main__":
    run(calls_of("openai"))
