"""LiteLLM's files for `gemini/…`."""

import asyncio
from typing import Any

import litellm

from tests.clients.programs.steps import PROMPT, Calls, run

CONTENT = ("notes.txt", b"0123456789abcdef" * 1000, "text/plain")


def calls(url: str) -> Calls:
    place: dict[str, Any] = {"api_base": url, "api_key": "any"} if url else {}
    at_gemini: dict[str, Any] = {**place, "custom_llm_provider": "gemini"}

    def used(made: Any, model: str) -> Any:
        parts = [
            {"type": "file", "file": {"file_id": made.id, "format": "text/plain"}},
            {"type": "text", "text": PROMPT},
        ]
        messages = [{"role": "user", "content": parts}]
        said = litellm.completion(model=f"gemini/{model}", messages=messages, **place)
        got: Any = litellm.file_retrieve(made.id, **at_gemini)
        content: Any = litellm.file_content(made.id, **at_gemini)
        litellm.file_delete(made.id, **at_gemini)
        name = "files/" + made.id.rpartition("/")[2]
        return {
            "made": [name],
            "said": said.choices[0].message.content,
            "size": len(content.content),
            "is_there": got.bytes == len(content.content),
        }

    def file(model: str) -> Any:
        made = litellm.create_file(file=CONTENT, purpose="user_data", **at_gemini)
        return used(made, model)

    def async_file(model: str) -> Any:
        made = asyncio.run(litellm.acreate_file(file=CONTENT, purpose="user_data", **at_gemini))
        return used(made, model)

    return {"file": file, "async file": async_file}


if __name__ == "__main__":
    run(calls)
