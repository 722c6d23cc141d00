"""The openai SDK for Python."""

from typing import Any

from openai import OpenAI

from tests.clients.programs.steps import PROMPT, Calls, run

MESSAGES = [{"role": "user", "content": PROMPT}]


def client_of(url: str) -> Any:
    place: dict[str, Any] = {"base_url": url, "api_key": "any"} if url else {}
    return OpenAI(max_retries=0, **place)


def calls(url: str) -> Calls:
    client = client_of(url)

    def chat(model: str) -> Any:
        return (
            client.chat.completions.create(model=model, messages=MESSAGES)
            .choices[0]
            .message.content
        )

    def stream(model: str) -> str:
        chunks = client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    return {
        "chat": chat,
        "stream": stream,
        "embed": lambda model: client.embeddings.create(model=model, input="one").data[0].embedding,
        "models": lambda _: [model.id for model in client.models.list()],
    }


if __name__ == "__main__":
    run(calls)
