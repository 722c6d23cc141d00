"""The openai SDK for Python: its files and batches."""

from typing import Any

from tests.clients.programs.openai_python import client_of
from tests.clients.programs.steps import Calls, run

LINE = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'


def calls(url: str) -> Calls:
    client = client_of(url)

    def file(_model: str) -> Any:
        made = client.files.create(file=("in.jsonl", LINE), purpose="batch")
        got = client.files.retrieve(made.id)
        content = client.files.content(made.id).read()
        seen = [f"openai/files/{each.id}" for each in client.files.list(limit=2)]
        client.files.delete(made.id)
        left = [f"openai/files/{each.id}" for each in client.files.list()]
        size = len(content)
        return {"made": [f"openai/files/{got.id}"], "size": size, "seen": seen, "left": left}

    def batch(_model: str) -> Any:
        source = client.files.create(file=("in.jsonl", LINE), purpose="batch")
        made = client.batches.create(
            input_file_id=source.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        done = client.batches.retrieve(made.id)
        size = len(client.files.content(done.output_file_id).read())
        seen = [f"openai/batches/{each.id}" for each in client.batches.list(limit=2)]
        client.batches.cancel(made.id)
        names = [f"openai/files/{source.id}", f"openai/batches/{made.id}"]
        return {"made": names, "size": size, "seen": seen}

    return {"file": file, "batch": batch}


if __name__ == "__main__":
    run(calls)
