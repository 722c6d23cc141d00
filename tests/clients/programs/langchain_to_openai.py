"""langchain-openai."""

from typing import Any

from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.clients.programs.steps import PROMPT, Calls, run


def calls(url: str) -> Calls:
    place = {"base_url": url, "api_key": "any"} if url else {}

    def chat_model(model: str) -> ChatOpenAI:
        return ChatOpenAI(model=model, max_retries=0, **place)

    def embed(model: str) -> Any:
        """Without the option it sends numbers of OpenAI's tokens instead of the text."""
        return OpenAIEmbeddings(model=model, check_embedding_ctx_length=False, **place).embed_query(
            "one"
        )

    return {
        "chat": lambda model: chat_model(model).invoke(PROMPT).text,
        "stream": lambda model: "".join(part.text for part in chat_model(model).stream(PROMPT)),
        "embed": embed,
    }


if __name__ == "__main__":
    run(calls)
