"""Makes and looks for resources, as a gateway process does: `python -m tests.support.book_process`.

Each line that it reads is a command, each that it prints its answer: `make NAME KEY`, `forget NAME
KEY`, `find NAME` (the ids of the keys), `lose` (the database is away) and `catch-up`.
"""

import asyncio
import sys
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402

from tests.support.resources import BookProcess, known  # noqa: E402


async def obey(process: BookProcess, command: str, *arguments: str) -> str:
    match command:
        case "make":
            await process.book.remember([known(arguments[0], int(arguments[1]))])
        case "forget":
            process.book.forget(arguments[0], int(arguments[1]))
        case "lose":
            process.lose_the_database()
        case "catch-up":
            await process.find_it_again()
        case _:
            found = await process.book.refind(arguments[0])
            return " ".join(str(each.key_id) for each in found) or "nobody"
    return "done"


async def main() -> None:
    process = BookProcess(Path(settings.VAR_DIR) / "spool")
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await obey(process, *line.split()), flush=True)
    await process.aclose()


if __name__ == "__main__":
    asyncio.run(main())
