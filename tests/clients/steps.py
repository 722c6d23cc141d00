"""What each client is asked, in words that its program understands."""

from collections.abc import Iterator

from tests.clients.table import ClientRow

MODEL = "gemini-2.5-flash"
CALLS = {"chat": MODEL, "stream": MODEL, "embed": "gemini-embedding-001", "models": ""}


def steps_at(url: str, client: ClientRow) -> Iterator[dict[str, str]]:
    """All that it can be asked."""
    for call, model in CALLS.items():
        if call not in client.lacks:
            yield {"url": url, "step": call, "call": call, "model": model}


def asks(client: ClientRow) -> str:
    """The call by which it asks a model."""
    return "stream" if "chat" in client.lacks else "chat"
