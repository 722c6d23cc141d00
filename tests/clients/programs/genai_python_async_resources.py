"""google-genai for Python, its asynchronous half: a file, which it uploads in code of its own."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.programs.genai_python import client_of
from tests.clients.programs.genai_python_resources import CONTENT, TEXT_FILE
from tests.clients.programs.steps import PROMPT, Calls, run


async def use_a_file(url: str, model: str) -> Any:
    client: Any = client_of(url).aio
    text_file = Path(tempfile.mkdtemp()) / "notes.txt"
    text_file.write_bytes(CONTENT)
    made = await client.files.upload(file=text_file, config=TEXT_FILE)
    answer = await client.models.generate_content(model=model, contents=[made, PROMPT])
    seen = [file.name async for file in await client.files.list(config={"page_size": 2})]
    got = await client.files.get(name=made.name)
    await client.files.delete(name=made.name)
    left = [file.name async for file in await client.files.list()]
    told = {"said": answer.text, "size": got.size_bytes, "seen": seen, "left": left}
    return {"made": [made.name], **told}


def calls(url: str) -> Calls:
    return {"file": lambda model: asyncio.run(use_a_file(url, model))}


if __name__ == "__main__":
    run(calls)
