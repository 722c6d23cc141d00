"""langchain-google-genai."""

from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings

from tests.clients.programs.steps import PROMPT, Calls, run


def calls(url: str) -> Calls:
    place = {"base_url": url, "api_key": "any"} if url else {}

    def chat_model(model: str) -> ChatGoogleGenerativeAI:
        return ChatGoogleGenerativeAI(model=model, max_retries=1, **place)

    return {
        "chat": lambda model: chat_model(model).invoke(PROMPT).text,
        "stream": lambda model: "".join(part.text for part in chat_model(model).stream(PROMPT)),
        "embed": lambda model: GoogleGenerativeAIEmbeddings(model=model, **place).embed_query(
            "one"
        ),
    }


if __name__ == "__main__":
    run(calls)
