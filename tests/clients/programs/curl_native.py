"""curl, on Gemini's own paths."""

from tests.clients.programs.curl_openai import asked, events, found
from tests.clients.programs.steps import PROMPT, Calls, run

CONTENT = {"parts": [{"text": PROMPT}]}
TEXT = ("candidates", 0, "content", "parts", 0, "text")


def calls(url: str) -> Calls:
    def chat(model: str) -> str:
        answer = asked(f"{url}/models/{model}:generateContent", contents=[CONTENT])
        return str(found(answer, *TEXT))

    def stream(model: str) -> str:
        address = f"{url}/models/{model}:streamGenerateContent?alt=sse"
        return "".join(found(part, *TEXT) for part in events(asked(address, contents=[CONTENT])))

    def embed(model: str) -> list[float]:
        answer = asked(f"{url}/models/{model}:embedContent", content=CONTENT)
        return list(found(answer, "embedding", "values"))

    return {
        "chat": chat,
        "stream": stream,
        "embed": embed,
        "models": lambda _: [model["name"] for model in found(asked(f"{url}/models"), "models")],
    }


if __name__ == "__main__":
    run(calls)
