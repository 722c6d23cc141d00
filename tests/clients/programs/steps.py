"""What a client is asked to do, and what it said: the same for every program here.

A program reads steps from its input, `[{"url", "step", "call", "model"}, …]`, and prints one line
of JSON for each. An empty URL: what the environment says. It runs in a virtualenv of its own,
without the project's packages.
"""

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PROMPT = "Count to three."
SECONDS = 60

Calls = Mapping[str, Callable[[str], Any]]


def run(calls_of: Callable[[str], Calls]) -> None:
    """`calls_of` makes a client of a base URL, and says what it can do with a model."""
    clients = functools.cache(calls_of)
    for step in json.load(sys.stdin):
        said = _answer(clients(step["url"])[step["call"]], step["model"])
        print(json.dumps({"url": step["url"], "step": step["step"], **said}), flush=True)


def _answer(call: Callable[[str], Any], model: str) -> dict[str, Any]:
    try:
        return {"said": call(model)}
    except Exception as error:  # noqa: BLE001 each client has exceptions of its own
        return {"error": f"{type(error).__name__}: {error}"}


def output_of(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """What a command prints; what it complains of is an error."""
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    return done.stdout
