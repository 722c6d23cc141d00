"""aider, with a message instead of a terminal."""

from tests.clients.programs.steps import PROMPT, Calls, output_of, run

QUIET = [
    *("--no-git", "--yes-always", "--no-check-update", "--analytics-disable", "--no-pretty"),
    *(
        "--no-show-model-warnings",
        "--no-show-release-notes",
        "--map-tokens",
        "0",
        "--edit-format",
        "ask",
    ),
]


def calls(url: str) -> Calls:
    place = ["--openai-api-base", url, "--openai-api-key", "any"] if url else []

    def ask(model: str, stream: str) -> str:
        command = [
            "aider",
            *place,
            *QUIET,
            stream,
            "--model",
            f"openai/{model}",
            "--message",
            PROMPT,
        ]
        return output_of(command)

    return {
        "chat": lambda model: ask(model, "--no-stream"),
        "stream": lambda model: ask(model, "--stream"),
    }


if __name__ == "__main__":
    run(calls)
