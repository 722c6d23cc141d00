"""What it costs to tell which conversation a request goes on with, and at which project that stays.

`python -m bench.conversations` prints µs: of what a prompt begins with, by the API and by what
fills 100 KB of it, and of the choice, by the number of projects.
"""

import gc
import hashlib
import json
import timeit
from base64 import b64encode
from collections.abc import Callable
from random import Random
from typing import Any

from proxyapp.pool.rendezvous import Rendezvous
from proxyapp.provider.prompt_start import PromptNames, prompt_names, prompt_start

SIZE = 100_000
ROUNDS, TIMES = 30, 50
PROJECTS = (20, 180, 1000, 10_000)
TEXT = ("Two words or three, and a line.\n" * SIZE)[:SIZE]
CODE = ('    print("two words", {"a": 1})\n' * SIZE)[:SIZE]
IMAGE = b64encode(Random(1).randbytes(SIZE * 3 // 4)).decode()
MANY = [f"turn {number}: {TEXT[:1000]}" for number in range(97)]
TOOLS = [
    {"functionDeclarations": [{"name": f"f{number}", "description": "A"} for number in range(9)]}
]
FILLED = {
    "one text": ("Be brief.", [TEXT]),
    "code": ("Be brief.", [CODE]),
    "an image": ("Be brief.", [IMAGE]),
    "97 turns": ("Be brief.", MANY),
    "the system's": (TEXT, ["Hi"]),
    "the system's code": (CODE, ["Hi"]),
}


def gemini(system: str, turns: list[str]) -> dict[str, Any]:
    contents = [{"role": "user", "parts": [{"text": text}]} for text in turns]
    instruction = {"parts": [{"text": system}]}
    return {"contents": contents, "systemInstruction": instruction, "tools": TOOLS}


def chat(system: str, turns: list[str]) -> dict[str, Any]:
    messages = [{"role": "user", "content": text} for text in turns]
    return {"messages": [{"role": "system", "content": system}, *messages], "tools": TOOLS}


def anthropic(system: str, turns: list[str]) -> dict[str, Any]:
    messages = [{"role": "user", "content": text} for text in turns]
    return {"system": system, "tools": TOOLS, "messages": messages}


APIS: dict[bytes, Callable[[str, list[str]], dict[str, Any]]] = {
    b"/v1beta/models/gemini-2.5-pro:generateContent": gemini,
    b"/v1/chat/completions": chat,
    b"/v1/messages": anthropic,
}


def microseconds(call: Callable[[], object], times: int = TIMES) -> float:
    """The fastest of several rounds: other work on the machine only adds."""
    return min(timeit.repeat(call, number=times, repeat=ROUNDS)) / times * 1e6


def of_start(body: bytes, names: PromptNames) -> float:
    def number() -> bytes:
        start = b"\0".join(prompt_start(body, names))
        return hashlib.blake2b(start, digest_size=8).digest()

    return microseconds(number)


def of_choice(projects: int) -> float:
    rendezvous = Rendezvous({f"project:{number}": 1 for number in range(projects)})
    chance = Random(1)
    conversations = [chance.getrandbits(64) for _ in range(200)]

    def choose() -> None:
        for each in conversations:
            next(rendezvous.met(each))

    return microseconds(choose, 1) / len(conversations)


def main() -> None:
    gc.disable()  # the gateway freezes what it has at its start
    for path, body_of in APIS.items():
        names = prompt_names(path)
        assert names is not None
        for what, (system, turns) in FILLED.items():
            body = json.dumps(body_of(system, turns)).encode()
            print(f"{body_of.__name__:10} {what:18} {of_start(body, names):6.1f}")
    for projects in PROJECTS:
        print(f"a choice of {projects:6} projects {of_choice(projects):6.1f}")


if __name__ == "__main__":
    main()
