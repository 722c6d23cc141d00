"""A client's program as a process: its packages, its environment, its plan and what it says."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from tests.clients.table import ClientRow
from tests.support.rooms import ROOT

# Made by `make test-clients`.
CLIENTS_HOME = ROOT / ".clients"
PROGRAM_SECONDS = 240


def command_of(client: ClientRow) -> list[str]:
    if client.program.endswith(".mjs"):
        # Modules are looked for where the link stands, not where it leads.
        program = str(CLIENTS_HOME / "programs" / client.program)
        return ["node", "--preserve-symlinks", "--preserve-symlinks-main", program]
    python = CLIENTS_HOME / client.virtualenv / "bin" / "python"
    return [str(python), "-m", f"tests.clients.programs.{client.program}"]


def environment_of(client: ClientRow, home: str) -> dict[str, str]:
    """Nothing of the user's: no keys, no settings, no proxies."""
    places = [
        CLIENTS_HOME / client.virtualenv / "bin",
        CLIENTS_HOME / "python" / "bin",
        CLIENTS_HOME / "node_modules" / ".bin",
    ]
    return {
        "PATH": os.pathsep.join([*map(str, places), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "HOME": home,
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        # Nothing is fetched from elsewhere.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }


def said_by(
    client: ClientRow,
    steps: Sequence[Mapping[str, str]],
    variables: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """What its program printed, a line for each step."""
    with tempfile.TemporaryDirectory(prefix="gateway-client-") as home:
        done = subprocess.run(
            command_of(client),
            input=json.dumps(list(steps)),
            env=environment_of(client, home) | dict(variables or {}),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    assert done.returncode == 0, f"{client.name}: {done.stderr[-4000:]}"
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"url"')]
