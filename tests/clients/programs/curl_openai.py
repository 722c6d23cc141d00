"""curl, on OpenAI's paths."""

import json
from typing import Any

from tests.clients.programs.steps import PROMPT, Calls, output_of, run


def asked(url: str, *options: str, **body: object) -> str:
    data = ["-H", "content-type: application/json", "-d", json.dumps(body)] if body else []
    return output_of(["curl", "-sS", url, *options, *data])


def found(answer: str, *path: str | int) -> Any:
    """What stands there in the answer; an answer without it is an error."""
    try:
        value = json.loads(answer)
        for part in path:
            value = value[part]
    except (KeyError, TypeError, ValueError):
        raise RuntimeError(answer) from None
    return value


def events(answer: str) -> list[str]:
    lines = [line[6:] for line in answer.splitlines() if line.startswith("data: {")]
    if not lines:
        raise RuntimeError(answer)
    return lines


def calls(url: str) -> Calls:
    def chat(model: str, **more: object) -> str:
        messages = [{"role": "user", "content": PROMPT}]
        return asked(f"{url}/chat/completions", model=model, messages=messages, **more)

    def stream(model: str) -> str:
        parts = events(chat(model, stream=True))
        return "".join(found(part, "choices", 0, "delta", "content") for part in parts)

    def embed(model: str) -> list[float]:
        answer = asked(f"{url}/embeddings", model=model, input="one")
        return list(found(answer, "data", 0, "embedding"))

    def models(_: str) -> list[str]:
        """Without the header the list has Gemini's shape, where the path may mean either."""
        answer = asked(f"{url}/models", "-H", "authorization: Bearer any")
        return [model["id"] for model in found(answer, "data")]

    return {
        "chat": lambda model: found(chat(model), "choices", 0, "message", "content"),
        "stream": stream,
        "embed": embed,
        "models": models,
    }


if __name__ == "__main__":
    run(calls)
