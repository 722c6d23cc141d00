"""wrk against one contestant for a few seconds."""

import json
import math
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import Contestant, Endpoint
from bench.process import LOAD_CORES, on_cores

SCRIPT = Path(__file__).with_name("chat.lua")
TIMEOUT_SECONDS = 30
MARK = b"How can I help you today?"
"""A part of the upstream's text, which no contestant changes."""


class LoadFailed(Exception):
    """There is no figure; the text says why."""


@dataclass(frozen=True)
class Sample:
    """`errors` are answers that are not 2xx or 3xx, and all that went wrong with connections.

    `cpu_us`: user and system time of all the contestant's processes, by answered request.
    """

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us: float = 0.0


def check(contestant: Endpoint) -> None:
    """One request has to bring the upstream's answer, or its figures would mean nothing."""
    headers = {"content-type": "application/json", **contestant.headers}
    request = urllib.request.Request(
        contestant.url + contestant.path, contestant.body.encode(), headers
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=60
        ) as response:
            body = response.read()
    except OSError as error:
        raise LoadFailed(f"it does not answer: {error}") from error
    if MARK not in body:
        raise LoadFailed(f"it answers with something else: {body[:200]!r}")


def wrk(contestant: Endpoint, connections: int, seconds: float) -> Sample:
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{math.ceil(seconds)}s",
        "--timeout",
        f"{TIMEOUT_SECONDS}s",
    ]
    command += ["-s", str(SCRIPT)]
    for name, value in contestant.headers.items():
        command += ["-H", f"{name}: {value}"]
    variables = {"PATH": os.environ.get("PATH", os.defpath), "CHAT_BODY": contestant.body}
    if contestant.tokens is not None:
        variables["CHAT_TOKENS"] = str(contestant.tokens)
    used = _cpu_seconds(contestant)
    try:
        with on_cores(LOAD_CORES):
            done = subprocess.run(
                [*command, contestant.url + contestant.path],
                env=variables,
                capture_output=True,
                text=True,
                timeout=seconds + TIMEOUT_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise LoadFailed("wrk did not end") from error
    return _parsed(done.stdout + done.stderr, _cpu_seconds(contestant) - used)


def _cpu_seconds(contestant: Endpoint) -> float:
    return contestant.process.cpu_seconds() if isinstance(contestant, Contestant) else 0.0


def _parsed(output: str, cpu_seconds: float) -> Sample:
    for line in output.splitlines():
        if line.startswith("RESULT "):
            found = json.loads(line.removeprefix("RESULT "))
            rate = found["requests"] / found["seconds"]
            p50_ms, p99_ms = found["p50"] / 1000, found["p99"] / 1000
            cpu_us = cpu_seconds / max(found["requests"], 1) * 1e6
            return Sample(found["requests"], rate, p50_ms, p99_ms, found["errors"], cpu_us)
    raise LoadFailed(f"wrk said: {output[-300:]}")
