"""What a target is asked to find out whether a key works: what costs nothing and wants the key."""

from dataclasses import dataclass

from proxyapp.provider.credentials import is_openai_prefix, speaks_gemini
from proxyapp.provider.target_path import prefix_before, without_api
from proxyapp.provider.vertex_paths import is_vertex, vertex_path
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.choices import Auth
from proxyapp.vocabulary.urls import is_host_below, is_host_of_google

GEMINIS_MODELS = b"/v1beta/models?pageSize=1"
# https://platform.claude.com/docs/en/api/versioning: without it every request is refused.
ANTHROPIC_VERSION = (b"anthropic-version", b"2023-06-01")
# The last version of Azure's that has dates; below `/openai/v1` there are none.
AZURES_MODELS = b"/models?api-version=2024-10-21"
# Its list of models is public: it says nothing of a key.
OPENROUTERS_KEY = b"/v1/key"
# Express keys and accounts may count tokens, which costs nothing, and list no models.
VERTEXS_COUNT = b"/v1beta/models/gemini-2.5-flash:countTokens"
ONE_WORD = b'{"contents": [{"role": "user", "parts": [{"text": "a"}]}]}'
OF_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """`target`: raw, with its query. `body`: of what is posted; else it is a GET."""

    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes = b""


def question_for(auth: str, host: str, prefix: bytes) -> KeyQuestion:
    """By the group's target, and by how its key is sent."""
    if is_vertex(host, prefix):
        return KeyQuestion(vertex_path(prefix, VERTEXS_COUNT), (OF_JSON,), ONE_WORD)
    asked = _question(auth, host, prefix)
    front = prefix_before(asked.target, prefix=prefix, base=without_api(prefix))
    return KeyQuestion(front + asked.target, asked.headers)


def _question(auth: str, host: str, prefix: bytes) -> KeyQuestion:
    """Behind the prefix."""
    if auth == Auth.API_KEY and is_host_below(host, "azure.com"):
        return KeyQuestion(_azures(prefix))
    if is_host_below(host, "openrouter.ai"):
        return KeyQuestion(OPENROUTERS_KEY)
    if is_openai_prefix(prefix):
        return KeyQuestion(b"/models")
    if auth == Auth.X_API_KEY:
        return KeyQuestion(b"/v1/models?limit=1", (ANTHROPIC_VERSION,))
    return KeyQuestion(GEMINIS_MODELS if _may_speak_gemini(auth, host, prefix) else b"/v1/models")


def _azures(prefix: bytes) -> bytes:
    if prefix.endswith(b"/v1"):
        return b"/models"
    return AZURES_MODELS if is_openai_prefix(prefix) else b"/openai" + AZURES_MODELS


def _may_speak_gemini(auth: str, host: str, prefix: bytes) -> bool:
    """Of a target that gets two credentials nobody said what it speaks, but by its path."""
    if speaks_gemini(auth, is_of_google=is_host_of_google(host)):
        return True
    return auth == Auth.BOTH and not prefix.endswith(b"/v1")
