"""Gemini CLI, with a prompt instead of a terminal."""

import os
from pathlib import Path

from tests.clients.programs.steps import PROMPT, Calls, output_of, run

# With a base URL the CLI picks a way to sign in that it then refuses, unless its settings name one.
SETTINGS = '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'


def calls(url: str) -> Calls:
    file = Path.home() / ".gemini" / "settings.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(SETTINGS)
    place = {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "any"} if url else {}

    def ask(model: str) -> str:
        return output_of(
            ["gemini", "--skip-trust", "--model", model, "--prompt", PROMPT],
            env={**os.environ, **place},
        )

    return {"stream": ask}


if __name__ == "__main__":
    run(calls)
