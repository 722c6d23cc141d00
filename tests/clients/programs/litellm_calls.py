"""What LiteLLM's SDK does, for each provider."""

from collections.abc import Callable
from typing import Any

import litellm

from tests.clients.programs.steps import PROMPT, Calls

litellm.suppress_debug_info = True


def calls_of(provider: str) -> Callable[[str], Calls]:
    def calls(url: str) -> Calls:
        place = {"api_base": url, "api_key": "any"} if url else {}
        asked = {"messages": [{"role": "user", "content": PROMPT}], "num_retries": 0, **place}

        def chat(model: str) -> Any:
            answer = litellm.completion(model=f"{provider}/{model}", **asked)
            return answer.choices[0].message.content

        def stream(model: str) -> Any:
            chunks = litellm.completion(model=f"{provider}/{model}", stream=True, **asked)
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

        def embed(model: str) -> Any:
            answer = litellm.embedding(model=f"{provider}/{model}", input=["one"], **place)
            return answer.data[0]["embedding"]

        def models(_: str) -> Any:
            return litellm.get_valid_models(
                check_provider_endpoint=True, custom_llm_provider=provider, **place
            )

        return {"chat": chat, "stream": stream, "embed": embed, "models": models}

    return calls
