"""google-genai for Python: what belongs to the key that made it."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from google.genai import types

from tests.clients.programs.genai_python import client_of
from tests.clients.programs.steps import PROMPT, Calls, run

TEXT_FILE = {"display_name": "notes", "mime_type": "text/plain"}
MODEL = "gemini-2.5-flash"
# More than one chunk, which are of 8 MiB.
CONTENT = b"0123456789abcdef" * 600_000


class OwnedThings:
    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Any = client_of(url)
        self.text_file = Path(tempfile.mkdtemp()) / "notes.txt"
        self.text_file.write_bytes(CONTENT)

    def make(self, _: str) -> Any:
        return self.client.files.upload(file=io.BytesIO(b"notes"), config=TEXT_FILE).name

    def use(self, name: str) -> Any:
        file = types.Part.from_uri(file_uri=name, mime_type="text/plain")
        return self.client.models.generate_content(model=MODEL, contents=[file, PROMPT]).text

    def file(self, model: str) -> Any:
        client = self.client
        made = client.files.upload(file=self.text_file, config=TEXT_FILE)
        said = client.models.generate_content(model=model, contents=[made, PROMPT]).text
        listed = [file.name for file in client.files.list(config={"page_size": 2})]
        got = client.files.get(name=made.name)
        client.files.delete(name=made.name)
        left = [file.name for file in client.files.list()]
        return {
            "made": [made.name],
            "said": said,
            "size": got.size_bytes,
            "seen": listed,
            "left": left,
        }

    def cache(self, model: str) -> Any:
        caches, models = self.client.caches, self.client.models
        made = caches.create(model=model, config={"contents": PROMPT, "ttl": "600s"})
        config = {"cached_content": made.name}
        said = models.generate_content(model=model, contents=PROMPT, config=config).text
        caches.update(name=made.name, config={"ttl": "900s"})
        got = caches.get(name=made.name)
        listed = [cache.name for cache in caches.list()]
        caches.delete(name=made.name)
        return {"made": [got.name], "said": said, "seen": listed}

    def batch(self, model: str) -> Any:
        """Of requests, and of a file of them."""
        client = self.client
        asked = [{"contents": [{"parts": [{"text": PROMPT}], "role": "user"}]}]
        one = client.batches.create(model=model, src=asked)
        file = client.files.upload(file=self.text_file, config=TEXT_FILE)
        other = client.batches.create(model=model, src=file.name)
        said = client.batches.get(name=one.name).dest.inlined_responses[0].response.text
        results = client.batches.get(name=other.name).dest.file_name
        size = len(client.files.download(file=results))
        listed = [batch.name for batch in client.batches.list()]
        client.batches.cancel(name=one.name)
        client.batches.delete(name=other.name)
        return {
            "made": [one.name, file.name, other.name],
            "said": said,
            "size": size,
            "seen": listed,
        }

    def video(self, _model: str) -> Any:
        """The SDK begins none at this API, but follows one."""
        url = f"{self.url}/v1beta/models/veo-3.0-generate-001:predictLongRunning"
        asked = json.dumps({"instances": [{"prompt": PROMPT}]}).encode()
        with urlopen(Request(url, asked, {"content-type": "application/json"})) as answer:
            begun = types.GenerateVideosOperation.model_validate(json.load(answer))
        done = self.client.operations.get(begun)
        content = self.client.files.download(file=done.response.generated_videos[0].video)
        return {"made": [begun.name], "size": len(content)}

    def store(self, model: str) -> Any:
        stores, models = self.client.file_search_stores, self.client.models
        made = stores.create(config={"display_name": "Notes"})
        upload = stores.upload_to_file_search_store(
            file_search_store_name=made.name,
            file=self.text_file,
            config={"mime_type": "text/plain"},
        )
        done = self.client.operations.get(upload)
        tool = types.Tool(file_search=types.FileSearch(file_search_store_names=[made.name]))
        config = types.GenerateContentConfig(tools=[tool])
        said = models.generate_content(model=model, contents=PROMPT, config=config).text
        documents = [document.name for document in stores.documents.list(parent=made.name)]
        document = stores.documents.get(name=done.response.document_name).name
        listed = [store.name for store in stores.list()]
        stores.documents.delete(name=document)
        stores.delete(name=made.name, config={"force": True})
        return {
            "made": [made.name],
            "said": said,
            "seen": listed,
            "is_there": documents == [document],
        }

    def interaction(self, model: str) -> Any:
        interactions = self.client.interactions
        first = interactions.create(model=model, input=PROMPT)
        events = interactions.create(
            model=model, input=PROMPT, previous_interaction_id=first.id, stream=True
        )
        [second] = [
            event.interaction.id for event in events if event.event_type == "interaction.completed"
        ]
        third = interactions.create(model=model, input=PROMPT, previous_interaction_id=second)
        got = [interactions.get(id=each).id for each in (first.id, second, third.id)]
        interactions.delete(id=first.id)
        return {"made": [f"interactions/{each}" for each in got]}


def calls(url: str) -> Calls:
    things = OwnedThings(url)
    return {
        "make": things.make,
        "use": things.use,
        "file": things.file,
        "cache": things.cache,
        "batch": things.batch,
        "video": things.video,
        "store": things.store,
        "interaction": things.interaction,
    }


if __name__ == "__main__":
    run(calls)
