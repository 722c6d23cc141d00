"""google-genai for Python."""

from typing import Any

from google import genai

from tests.clients.programs.steps import PROMPT, Calls, run


def client_of(url: str) -> genai.Client:
    return genai.Client(api_key="any", http_options={"base_url": url}) if url else genai.Client()


def calls(url: str) -> Calls:
    client = client_of(url)
    models: Any = client.models

    def stream(model: str) -> Any:
        return "".join(
            part.text or "" for part in models.generate_content_stream(model=model, contents=PROMPT)
        )

    return {
        "chat": lambda model: models.generate_content(model=model, contents=PROMPT).text,
        "stream": stream,
        "embed": lambda model: (
            models.embed_content(model=model, contents="one").embeddings[0].values
        ),
        "models": lambda _: [model.name for model in client.models.list()],
    }


if __name__ == "__main__":
    run(calls)
