"""The locked version of each client."""

import json
import re
from pathlib import Path

from tests.clients.table import ClientRow

HERE = Path(__file__).parent
LOCKS = {
    "python": "requirements.txt",
    "pydantic-ai": "requirements-pydantic-ai.txt",
    "aider": "requirements-aider.txt",
}


def version_of(client: ClientRow) -> str:
    """ "" for curl, which is the system's."""
    if client.package == "curl":
        return ""
    if client.program.endswith(".mjs") or client.package.startswith("@"):
        lock = json.loads((HERE / "package-lock.json").read_text())
        return str(lock["packages"][f"node_modules/{client.package}"]["version"])
    lines = (HERE / LOCKS[client.virtualenv]).read_text()
    found = re.search(rf"^{re.escape(client.package)}(?:\[[^]]*\])?==([^ ;\\]+)", lines, re.M)
    assert found, client.package
    return found[1]
