"""The one table of what belongs to a key: how each kind is made, named and referred to, and how
long it lives.

The name of a resource is its kind, a slash, and an ID, as Google writes it: `files/abc`. What lies
below one (documents, operations, executions) is found by it. Of OpenAI's API `openai/` stands in
front. An operation of a model has a name of four parts, beginning with `models`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag, auto

from proxyapp.vocabulary.durations import DAY_SECONDS

HOUR_SECONDS = 3600.0
# Of what the API says nothing about.
LONGEST_SECONDS = 90 * DAY_SECONDS


class Area(IntFlag):
    """A part of the API in which a field of a body means the same."""

    NONE = 0  # the body is a client's file
    MODELS = auto()
    SPEECH = auto()
    BATCHES = auto()
    VIDEOS = auto()
    AGENTS = auto()
    CHATS = auto()  # OpenAI's, as the next
    JOBS = auto()
    OTHER = auto()


ANYWHERE = ~Area.NONE


@dataclass(frozen=True, slots=True)
class NamingField:
    """A field whose value, or each one of its list, is a name or a URI; or an ID (`is_id`)."""

    name: str
    areas: Area = ANYWHERE
    is_id: bool = False


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """`made`: where an answer says what was made, a name, an ID or a URI. `methods`: those that
    make one, elsewhere than in its collection; `below`: the collections in one. `listed`: the field
    of a list's answer; empty: there is no list of them.

    `words`: these are no IDs. `id_start`: of IDs that stand alone in a field. `has_public`: some
    are everybody's, so that what is unknown need not be anybody's. `asks_no_model`: a quota does
    not count for a model. `tells_results`: a look at one may tell of others that it has made.
    """

    name: str
    seconds: float = LONGEST_SECONDS
    made: tuple[str, ...] = ("name",)
    methods: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    fields: tuple[NamingField, ...] = ()
    listed: str = ""
    words: frozenset[str] = frozenset()
    id_start: str = ""
    has_public: bool = False
    asks_no_model: bool = False
    tells_results: bool = False


def _fields(names: str, areas: Area = ANYWHERE, *, is_id: bool = False) -> tuple[NamingField, ...]:
    return tuple(NamingField(name, areas, is_id) for name in names.split())


_VIDEOS = (
    "response.generateVideoResponse.generatedSamples[].video.uri",
    "response.generatedVideos[].video.uri",
    "response.generatedSamples[].video.uri",
)
_RESULTS = (
    *("response.responsesFile", "metadata.output.responsesFile", "output.responsesFile"),
    "dest.fileName",
)
_OF_AN_AGENT = ("environment_id", "interaction_id")
MODEL_OPERATIONS = ResourceKind(
    "models/*/operations",
    made=("name", *_VIDEOS),
    methods=("predictLongRunning",),
    fields=_fields("operationName operation_name", Area.VIDEOS),
    listed="operations",
    asks_no_model=True,
    tells_results=True,
)
_ROWS = (
    MODEL_OPERATIONS,
    ResourceKind(
        "files",
        seconds=48 * HOUR_SECONDS,
        made=("file.name", "name", "files[].name"),
        methods=("register",),
        fields=(
            *_fields("fileUri file_uri"),
            *_fields("fileName file_name", Area.BATCHES | Area.OTHER),
            *_fields("uri", Area.VIDEOS | Area.AGENTS),
        ),
        listed="files",
        asks_no_model=True,
    ),
    ResourceKind("generatedFiles", seconds=48 * HOUR_SECONDS, listed="generatedFiles"),
    ResourceKind(
        "cachedContents",
        fields=_fields("cachedContent cached_content"),
        listed="cachedContents",
        asks_no_model=True,
    ),
    ResourceKind(
        "batches",
        made=("name", *_RESULTS),
        methods=("batchGenerateContent", "asyncBatchEmbedContent"),
        listed="operations",
        asks_no_model=True,
        tells_results=True,
    ),
    ResourceKind(
        "operations",
        made=("name", *_VIDEOS),
        listed="operations",
        asks_no_model=True,
        tells_results=True,
    ),
    ResourceKind(
        "tunedModels",
        below=("permissions",),
        fields=_fields("tunedModel tuned_model", Area.OTHER),
        listed="tunedModels",
    ),
    ResourceKind(
        "fileSearchStores",
        methods=("uploadToFileSearchStore", "importFile"),
        below=("documents",),
        fields=_fields("fileSearchStoreNames file_search_store_names"),
        listed="fileSearchStores",
        asks_no_model=True,
    ),
    ResourceKind(
        "corpora",
        below=("documents", "chunks", "permissions"),
        fields=_fields("source", Area.OTHER),
        listed="corpora",
        asks_no_model=True,
    ),
    ResourceKind(
        "interactions",
        seconds=55 * DAY_SECONDS,
        made=("id", "environment_id"),
        below=("auth_tokens",),
        fields=_fields("previous_interaction_id previousInteractionId", Area.AGENTS, is_id=True),
        words=frozenset({"live"}),
        tells_results=True,
    ),
    ResourceKind(
        "agents",
        made=("id", "name"),
        fields=_fields("agent base_agent baseAgent", Area.AGENTS, is_id=True),
        listed="agents",
        has_public=True,
    ),
    ResourceKind(
        "environments",
        made=("id", "name"),
        below=("files",),
        fields=_fields("environment environment_id environmentId", Area.AGENTS, is_id=True),
        listed="environments",
        words=frozenset({"remote"}),
    ),
    ResourceKind(
        "triggers",
        made=("id", *_OF_AN_AGENT),
        below=("executions",),
        listed="triggers",
        tells_results=True,
    ),
    ResourceKind("webhooks", made=("id",), listed="webhooks"),
    ResourceKind(
        "voices",
        made=("id",),
        fields=_fields("voice base_voice baseVoice", Area.AGENTS | Area.SPEECH, is_id=True),
        listed="voices",
        id_start="voice_",
        has_public=True,
    ),
    ResourceKind(
        "credentials",
        made=("id",),
        fields=_fields("credential", Area.AGENTS, is_id=True),
        listed="credentials",
    ),
    # Those that Google makes live for 20 hours at most.
    ResourceKind("auth_tokens", seconds=DAY_SECONDS),
    ResourceKind(
        "openai/files",
        made=("id",),
        fields=(
            *_fields("file_id file_ids", Area.CHATS | Area.JOBS, is_id=True),
            *_fields("input_file_id training_file validation_file", Area.JOBS, is_id=True),
        ),
        listed="data",
        asks_no_model=True,
    ),
    ResourceKind(
        "openai/batches",
        made=("id", "output_file_id", "error_file_id"),
        listed="data",
        asks_no_model=True,
        tells_results=True,
    ),
    ResourceKind(
        "openai/videos",
        made=("id",),
        below=("remix",),
        fields=_fields("video_id", Area.JOBS, is_id=True),
        listed="data",
        words=frozenset({"characters", "edits", "extensions"}),
    ),
)
KINDS: Mapping[str, ResourceKind] = {kind.name: kind for kind in _ROWS}
# What is asked of a model, a file or a store, and makes one.
MAKING_METHODS: Mapping[str, ResourceKind] = {
    method: kind for kind in _ROWS for method in kind.methods
}
