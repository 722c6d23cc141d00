"""What the messages of a Live session say: its model, what it goes on from, what it has used."""

import json
import re
from dataclasses import dataclass
from typing import Any

from proxyapp.provider.llm_tokens import NONE, LlmTokens
from proxyapp.provider.model_name import normal_name
from proxyapp.provider.usage_shapes import counts_of_usage

Message = str | bytes
# What tells a usage or a handle is much smaller; audio is longer.
READ_BYTES = 64 * 1024
_USAGE, _HANDLE = "usageMetadata", "sessionResumptionUpdate"
_IN_BYTES = {word: f'"{word}"'.encode() for word in (_USAGE, _HANDLE)}
_IN_TEXT = {word: f'"{word}"' for word in (_USAGE, _HANDLE)}
# Where a first message may have what it sets up; the last is the message itself.
_SETUPS = ("setup", "session", "interaction", "config")
_RESUMPTION = ("sessionResumption", "session_resumption")

_MODEL = re.compile(r'"model"|\\u00[67]')
_MODEL_IN_BYTES = re.compile(_MODEL.pattern.encode())


@dataclass(frozen=True, slots=True)
class LiveSetup:
    """`model`: as quotas name it. `handle`: of the session that it resumes. Empty: it says none."""

    model: str = ""
    handle: str = ""


def setup_of(message: Message) -> LiveSetup:
    """Of a client's first message, whatever that is."""
    outer = _object_in(message)
    places = [place for name in _SETUPS if isinstance(place := outer.get(name), dict)]
    models = [place["model"] for place in (*places, outer) if isinstance(place.get("model"), str)]
    resumed = [
        resumption["handle"]
        for place in places
        for name in _RESUMPTION
        if isinstance(resumption := place.get(name), dict)
        and isinstance(resumption.get("handle"), str)
    ]
    return LiveSetup(normal_name(models[0]) if models else "", resumed[0] if resumed else "")


def may_name_model(message: Message) -> bool:
    """As a field of its own, also with letters written as escapes."""
    pattern = _MODEL if isinstance(message, str) else _MODEL_IN_BYTES
    return pattern.search(message) is not None  # type: ignore[arg-type]


def as_text(message: Message) -> str:
    return message if isinstance(message, str) else message.decode(errors="replace")


def written_in(message: Message) -> str:
    """What a client has written, also as it reads without JSON's escapes."""
    text = as_text(message)
    if "\\" not in text:
        return text
    return text + "\n" + json.dumps(_object_in(message), ensure_ascii=False)


def usage_in(message: Message) -> LlmTokens:
    """Of one message of the server: each turn tells its own."""
    if not _may_tell(message, _USAGE):
        return NONE
    usage = _object_in(message).get(_USAGE)
    return LlmTokens(*counts_of_usage(usage)) if isinstance(usage, dict) else NONE


def handle_in(message: Message) -> str:
    """With which the session can be resumed; empty: the message tells none."""
    if not _may_tell(message, _HANDLE):
        return ""
    update = _object_in(message).get(_HANDLE)
    handle = update.get("newHandle") if isinstance(update, dict) else None
    return handle if isinstance(handle, str) else ""


def _may_tell(message: Message, word: str) -> bool:
    if len(message) > READ_BYTES:
        return False
    return _IN_TEXT[word] in message if isinstance(message, str) else _IN_BYTES[word] in message


def _object_in(message: Message) -> dict[str, Any]:
    """Empty: the message is no JSON object."""
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
