"""What belongs to a project at the fake Google: which path asks what, and what bodies refer to."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from tests.support.fake_collections import PLAIN, answer_cache, answer_plain
from tests.support.fake_errors import GoogleError
from tests.support.fake_files import answer_file, generate_file
from tests.support.fake_gemini import UNREADABLE, VERSION, Answer, unreadable
from tests.support.fake_http import Recorded
from tests.support.fake_interactions import answer_interaction
from tests.support.fake_jobs import (
    answer_batch,
    answer_operation,
    begin_batch,
    begin_video,
)
from tests.support.fake_openai import (
    OPENAI_COLLECTIONS,
    OPENAI_FILES,
    answer_openai,
    openai_name,
)
from tests.support.fake_ownership import Call, Owned, OwnedStore
from tests.support.fake_stores import answer_store, finish_document
from tests.support.fake_uploads import Chunk, Upload, Uploads, finish_file

PLACE = re.compile(rf"(?:/(upload|download))?{VERSION}/(.+)$")
ON_GOOGLE = re.compile(r"(?:https://[a-z.-]*googleapis\.com/v\w+/)?(files/[^/:?#]+)")


class FakeResources:
    """`base_url`: where the server is, for the addresses that it gives out."""

    def __init__(
        self,
        projects: Mapping[str, str],
        clock: Callable[[], float],
        base_url: Callable[[], str],
    ) -> None:
        self.store = OwnedStore(dict(projects))
        self.uploads = Uploads()
        self._clock = clock
        self._base_url = base_url

    def generate_file(self, key: str, content: bytes, mime: str = "video/mp4") -> Owned:
        """A file that Google made by itself, and that can be downloaded."""
        return generate_file(self.store, key, self._clock(), content, mime)

    def chunk(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> Chunk | None:
        return self.uploads.chunk(target, headers)

    def answer(self, request: Recorded) -> Answer | None:
        """None: the request is about no resource, or about models alone."""
        call = self._call(request)
        if call is None:
            return None
        try:
            return self._answer(call)
        except GoogleError as error:
            return error.answer(request)
        except UNREADABLE:
            return unreadable(request)

    def _call(self, request: Recorded) -> Call | None:
        found = PLACE.search(request.path)
        if not found:
            return None
        path, _, verb = found[2].rpartition(":") if ":" in found[2] else (found[2], "", "")
        parts = tuple(unquote(part) for part in path.rstrip("/").split("/"))
        return Call(
            request, self.store, found[1] or "", parts, verb, self._clock(), self._base_url()
        )

    def _answer(self, call: Call) -> Answer | None:
        if call.request.chunk is not None:
            return self.uploads.answer_chunk(call, _finish)
        for name in references(call):
            self.store.find(call, name)
        if call.front == "upload" and call.parts == ("files",) and is_begin(call.request):
            return self.uploads.begin(call, "files")
        if call.parts[0] == "fileSearchStores":
            return answer_store(call, self.uploads)
        if call.parts[0] in PLAIN:
            return answer_plain(call)
        answering = _answering(call)
        return answering(call) if answering else None


def is_begin(request: Recorded) -> bool:
    """Of either protocol."""
    is_new = request.value("x-goog-upload-protocol") == "resumable"
    return is_new or "uploadType=resumable" in request.query


def _finish(call: Call, upload: Upload) -> dict[str, Any]:
    return (finish_file if upload.parent == "files" else finish_document)(call, upload)


def _answering(call: Call) -> Callable[[Call], Answer] | None:
    if call.parts[0] == "models":
        return _of_a_model(call)
    if call.parts[0] == "openai":
        return answer_openai if "/".join(call.parts[:2]) in OPENAI_COLLECTIONS else None
    return {
        "files": answer_file,
        "cachedContents": answer_cache,
        "batches": answer_batch,
        "operations": answer_operation,
        "interactions": answer_interaction,
    }.get(call.parts[0])


def _of_a_model(call: Call) -> Callable[[Call], Answer] | None:
    if call.parts[2:3] == ("operations",):
        return answer_operation
    if call.request.method != "POST":
        return None
    return {
        "batchGenerateContent": begin_batch,
        "asyncBatchEmbedContent": begin_batch,
        "predictLongRunning": begin_video,
    }.get(call.verb)


# What a body refers to.


def references(call: Call) -> list[str]:
    """The names in a JSON body that is asked of a model, in order, each once."""
    asking = ("models", "interactions", "cachedContents")
    asks_a_model = call.parts[0] in asking or call.parts[:2] == ("openai", "chat")
    is_json = call.request.body[:1] == b"{"
    if not asks_a_model or not is_json or call.request.method != "POST":
        return []
    return list(dict.fromkeys(_named_in(call.json())))


def _named_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _named_in(each)
    elif isinstance(value, dict):
        for field, inner in value.items():
            yield from _named_by(field, inner)
            yield from _named_in(inner)


def _named_by(field: str, value: Any) -> Iterator[str]:
    plain = re.sub(r"_(\w)", lambda found: found[1].upper(), field)
    if plain == "fileSearchStoreNames" and isinstance(value, list):
        yield from value
    if not isinstance(value, str):
        return
    if plain in ("fileUri", "uri") and (found := ON_GOOGLE.fullmatch(value)):
        yield found[1]
    elif plain == "cachedContent" and value:
        yield value
    elif plain == "previousInteractionId":
        yield f"interactions/{value}"
    elif plain == "fileId":
        yield openai_name(OPENAI_FILES, (value,))[0]
