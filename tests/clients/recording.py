"""Writes down which request targets the clients send, for each base URL that people type.

`.venv/bin/python -m tests.clients.recording`, after `make test-clients` has installed them, makes
`tests/data/client_targets.json` anew.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.clients.running import said_by
from tests.clients.steps import steps_at
from tests.clients.table import CLIENTS, ClientRow
from tests.clients.versions import version_of
from tests.support import fake_gemini
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream

TARGETS = fake_gemini.DATA / "client_targets.json"
CREDENTIALS = {"authorization": "bearer", "x-goog-api-key": "goog", "x-api-key": "x-api-key"}


def meant(request: Recorded) -> bytes:
    """Where Google has what the client asks for, whatever stands in front."""
    target = request.target.decode("latin-1")
    openai = re.search(r"/((?:chat/completions|embeddings)(?:\?.*)?)$", target)
    if openai:
        return f"/v1beta/openai/{openai[1]}".encode()
    models = re.search(r"/(models(?:[/?].*)?)$", target)
    if models and request.value("authorization"):
        return f"/v1beta/openai/{models[1]}".encode()
    return f"/v1beta/{models[1]}".encode() if models else request.target


def credential_of(request: Recorded) -> str:
    found = fake_gemini.credentials_of(request.target, request.headers)
    shown = [kind for name, kind in CREDENTIALS.items() if found[name]]
    return "+".join([*shown, *(["query"] if found["key"] else [])]) or "none"


def sent_by(client: ClientRow, upstream: FakeUpstream) -> Iterator[dict[str, Any]]:
    for typed in client.typed:
        upstream.requests.clear()
        for said in said_by(client, list(steps_at(f"{upstream.url}{typed}", client))):
            assert "error" not in said, said
        sent = [
            (each.method, each.target.decode("latin-1"), credential_of(each))
            for each in upstream.requests
        ]
        for method, target, credential in dict.fromkeys(sent):
            yield {
                "client": client.name,
                "version": version_of(client),
                "speaks": client.speaks,
                "typed": typed,
                "method": method,
                "target": target,
                "credential": credential,
            }


def main() -> None:
    with FakeUpstream(strict=False) as upstream:

        async def answer(request: Recorded, connection: Connection) -> None:
            await upstream.behave(replace(request, target=meant(request)), connection)

        upstream.on("", answer)
        rows = [row for client in CLIENTS for row in sent_by(client, upstream)]
    lines = ",\n".join(json.dumps(row) for row in rows)
    TARGETS.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
