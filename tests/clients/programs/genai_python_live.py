"""google-genai for Python: the Live API, which it dials over TLS whatever it is told."""

import asyncio
from typing import Any

from google import genai
from google.genai import types

from tests.clients.programs.steps import PROMPT, Calls, run


def calls(url: str) -> Calls:
    client = genai.Client(api_key="any", http_options={"base_url": url})

    async def talk(model: str) -> dict[str, Any]:
        turn = types.Content(role="user", parts=[types.Part(text=PROMPT)])
        said, tokens = [], 0
        async with client.aio.live.connect(model=model, config={}) as session:
            for _ in range(2):
                await session.send_client_content(turns=turn, turn_complete=True)
                async for message in session.receive():
                    said.append(message.text or "")
                    usage = message.usage_metadata
                    tokens += (usage.total_token_count or 0) if usage else 0
        return {"said": said, "tokens": tokens}

    return {"live": lambda model: asyncio.run(talk(model))}


if __name__ == "__main__":
    run(calls)
